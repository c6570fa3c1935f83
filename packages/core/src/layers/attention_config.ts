import type { layers } from '@tensorflow/tfjs-layers';
import type { AttentionBackend } from '../backends/abstract.js';
import { ATTENTION_TYPES, AttentionType } from '../backends/attention_type.js';
import type { KvCacheDtypeName } from '../backends/impl.js';
import { backendNamesText, isBackendName, type AttentionBackendEnum } from '../backends/names.js';
import type { CacheConfig, QuantizationConfig, VllmConfig } from '../config.js';
import { resolveKvCacheDtype } from '../kv_cache/kv_cache.js';
import { check, checkFinite, checkHeads, checkInt } from '../problem/checks.js';

type LayerArgs = ConstructorParameters<typeof layers.Layer>[0];

/** Constructor arguments of `Attention`: vLLM's, camelCased, and what tfjs layers take. */
export interface AttentionArgs extends NonNullable<LayerArgs> {
  /** N */
  numHeads: number;
  /** H */
  headSize: number;
  /** Softmax scale; default 1 / sqrt(H). */
  scale?: number;
  /** K; default N. */
  numKvHeads?: number;
  /** Hv; default H (vLLM `head_size_v`). */
  valueHeadSize?: number;
  /** `[N]` */
  alibiSlopes?: readonly number[] | null;
  /** Cache dtype, block size and default window; null (default): 'auto', 16, none. */
  cacheConfig?: CacheConfig | null;
  /** A quantized checkpoint. A saved model holds its values as weights, not this: give it anew. */
  quantConfig?: QuantizationConfig | null;
  /** 0 (default) or null = off. */
  logitsSoftCap?: number | null;
  /** Keys visible on a side, the own one included; default the `cacheConfig`'s window. */
  perLayerSlidingWindow?: number | null;
  /** Short for `perLayerSlidingWindow`. */
  slidingWindow?: number | null;
  /**
   * The layer's name, like `name`, but checked: a live layer with this prefix in the same config (or, without a config, in
   * this process) makes the constructor throw. tfjs's `name` alone is free, so that a file can be loaded twice.
   */
  prefix?: string;
  /** Default 'decoder' (causal); the others see both ways. */
  attnType?: AttentionType;
  /** The layer whose cache this one reads instead of writing one of its own. */
  kvSharingTargetLayerName?: string | null;
  /** A strategy by name or class; default 'auto'. Saved by name. */
  attnBackend?: AttentionBackendEnum | 'auto' | typeof AttentionBackend;
  /** `[N]` (vLLM: an extra argument of the implementation). */
  sinks?: readonly number[] | null;
  /** What else the strategy's implementation takes, e.g. `{chunkLookback: 1}`; a layer with a function is not saved. */
  extraImplArgs?: Readonly<Record<string, unknown>>;
  /** Whose static forward context the layer joins; default the current one (`withCurrentVllmConfig`). Not saved. */
  vllmConfig?: VllmConfig;
}

/** Arguments with every default settled; what `getConfig` writes. */
export interface AttentionConfig {
  numHeads: number;
  headSize: number;
  scale: number;
  numKvHeads: number;
  valueHeadSize: number;
  alibiSlopes: readonly number[] | null;
  cacheConfig: CacheConfig | null;
  slidingWindow: number | null;
  logitsSoftCap: number;
  sinks: readonly number[] | null;
  attnType: AttentionType;
  kvSharingTargetLayerName: string | null;
  attnBackend: AttentionBackendEnum | 'auto';
  extraImplArgs: Readonly<Record<string, unknown>>;
}

/** Cache facts where no `CacheConfig` says otherwise. */
export const DEFAULT_CACHE: { blockSize: number; cacheDtype: KvCacheDtypeName } = {
  blockSize: 16,
  cacheDtype: 'auto',
};

export function readConfig(op: string, args: AttentionArgs): AttentionConfig {
  const { numHeads, headSize, attnType = AttentionType.DECODER } = args;
  const { numKvHeads = numHeads, valueHeadSize = headSize, cacheConfig = null } = args;
  const logitsSoftCap = args.logitsSoftCap ?? 0;
  const scale = args.scale ?? 1 / Math.sqrt(headSize);
  checkInt(numHeads, op, 'numHeads', 1);
  checkInt(headSize, op, 'headSize', 1);
  checkInt(numKvHeads, op, 'numKvHeads', 1);
  checkHeads(op, numHeads, numKvHeads);
  checkInt(valueHeadSize, op, 'valueHeadSize', 1);
  checkFinite(scale, op, 'scale');
  checkFinite(logitsSoftCap, op, 'logitsSoftCap');
  check(logitsSoftCap >= 0, op, `logitsSoftCap must be >= 0 (0 = off), got ${logitsSoftCap}`);
  check(
    ATTENTION_TYPES.includes(attnType),
    op,
    `attnType '${attnType}' is not one of ${ATTENTION_TYPES.join(', ')}`,
  );
  if (cacheConfig !== null) {
    checkInt(cacheConfig.blockSize, op, 'cacheConfig.blockSize', 1);
    resolveKvCacheDtype(op, cacheConfig.cacheDtype);
  }
  return {
    numHeads,
    headSize,
    scale,
    numKvHeads,
    valueHeadSize,
    alibiSlopes: readPerHead(op, 'alibiSlopes', args.alibiSlopes, numHeads, -Number.MAX_VALUE),
    cacheConfig: cacheConfig && { ...cacheConfig },
    slidingWindow: readWindow(op, args),
    logitsSoftCap,
    sinks: readPerHead(op, 'sinks', args.sinks, numHeads, -Infinity),
    attnType,
    kvSharingTargetLayerName: args.kvSharingTargetLayerName ?? null,
    attnBackend: readBackendName(op, args.attnBackend),
    extraImplArgs: { ...args.extraImplArgs },
  };
}

/** The layer's own window, else the model's. */
function readWindow(op: string, args: AttentionArgs): number | null {
  const { perLayerSlidingWindow, slidingWindow, cacheConfig } = args;
  for (const [name, size] of Object.entries({ perLayerSlidingWindow, slidingWindow })) {
    if (size != null) checkInt(size, op, name, 1);
  }
  check(
    perLayerSlidingWindow == null ||
      slidingWindow == null ||
      perLayerSlidingWindow === slidingWindow,
    op,
    `slidingWindow ${slidingWindow} and perLayerSlidingWindow ${perLayerSlidingWindow} are one argument: give one of them`,
  );
  const window = perLayerSlidingWindow ?? slidingWindow ?? cacheConfig?.slidingWindow ?? null;
  if (window !== null) checkInt(window, op, 'cacheConfig.slidingWindow', 1);
  return window;
}

function readPerHead(
  op: string,
  name: string,
  values: readonly number[] | null | undefined,
  numHeads: number,
  least: number,
): readonly number[] | null {
  check(
    values == null || values.length === numHeads,
    op,
    `${name} must have ${numHeads} entries [N], got ${values?.length}`,
  );
  values?.forEach((value, n) =>
    check(
      typeof value === 'number' && Math.fround(value) >= least && Math.fround(value) < Infinity,
      op,
      `${name}[${n}] must be a finite number${least === -Infinity ? ' or -Infinity' : ''}, got ${String(value)}`,
    ),
  );
  return values ? [...values] : null;
}

/** The name of a strategy or its class. */
export function readBackendName(
  op: string,
  given: AttentionArgs['attnBackend'] = 'auto',
): AttentionBackendEnum | 'auto' {
  const name = typeof given === 'function' ? given.getName() : given;
  check(
    name === 'auto' || isBackendName(name),
    op,
    `attnBackend '${String(name)}' is not one of auto, ${backendNamesText()}`,
  );
  return name;
}

import type { layers } from '@tensorflow/tfjs-layers';
import { STRATEGIES } from '../backends/registry.js';
import { check, checkFinite, checkHeads, checkInt } from '../problem/checks.js';
import type { Implementation } from '../problem/options.js';

/** Which keys a layer attends to (vLLM `AttentionType`). */
export type AttentionType = 'decoder' | 'encoder' | 'encoder_only' | 'encoder_decoder';
export const ATTENTION_TYPES: readonly AttentionType[] = [
  'decoder',
  'encoder',
  'encoder_only',
  'encoder_decoder',
];

type LayerArgs = ConstructorParameters<typeof layers.Layer>[0];

/** Constructor arguments of `Attention`: vLLM's, camelCased; `name` is vLLM's `prefix`. */
export interface AttentionArgs extends NonNullable<LayerArgs> {
  /** N */
  numHeads: number;
  /** H */
  headSize: number;
  /** Softmax scale; default 1 / sqrt(H). */
  scale?: number;
  /** K; default N. */
  numKvHeads?: number;
  /** Hv; default H. */
  valueHeadSize?: number;
  /** `[N]` */
  alibiSlopes?: readonly number[];
  /** Keys visible on a side, the own one included. */
  slidingWindow?: number;
  /** 0 = off. */
  logitsSoftCap?: number;
  /** `[N]` */
  sinks?: readonly number[];
  /** Default 'decoder' (causal); the others see both ways. */
  attnType?: AttentionType;
  /** Default 'auto'. */
  attnBackend?: Implementation;
}

/** Arguments with every default settled; what `getConfig` writes. */
export interface AttentionConfig {
  numHeads: number;
  headSize: number;
  scale: number;
  numKvHeads: number;
  valueHeadSize: number;
  alibiSlopes: readonly number[] | null;
  slidingWindow: number | null;
  logitsSoftCap: number;
  sinks: readonly number[] | null;
  attnType: AttentionType;
  attnBackend: Implementation;
}

export function readConfig(op: string, args: AttentionArgs): AttentionConfig {
  const { numHeads, headSize, logitsSoftCap = 0, attnType = 'decoder' } = args;
  const numKvHeads = args.numKvHeads ?? numHeads;
  checkInt(numHeads, op, 'numHeads', 1);
  checkInt(headSize, op, 'headSize', 1);
  checkInt(numKvHeads, op, 'numKvHeads', 1);
  checkHeads(op, numHeads, numKvHeads);
  const valueHeadSize = args.valueHeadSize ?? headSize;
  checkInt(valueHeadSize, op, 'valueHeadSize', 1);
  const scale = args.scale ?? 1 / Math.sqrt(headSize);
  checkFinite(scale, op, 'scale');
  checkFinite(logitsSoftCap, op, 'logitsSoftCap');
  check(logitsSoftCap >= 0, op, `logitsSoftCap must be >= 0 (0 = off), got ${logitsSoftCap}`);
  if (args.slidingWindow != null) checkInt(args.slidingWindow, op, 'slidingWindow', 1);
  for (const name of ['alibiSlopes', 'sinks'] as const) {
    const values = args[name];
    check(
      values == null || values.length === numHeads,
      op,
      `${name} must have ${numHeads} entries [N], got ${values?.length}`,
    );
  }
  check(
    ATTENTION_TYPES.includes(attnType),
    op,
    `attnType '${attnType}' is not one of ${ATTENTION_TYPES.join(', ')}`,
  );
  const attnBackend = args.attnBackend ?? 'auto';
  check(
    attnBackend === 'auto' || Object.hasOwn(STRATEGIES, attnBackend),
    op,
    `attnBackend '${String(attnBackend)}' is not one of auto, ${Object.keys(STRATEGIES).join(', ')}`,
  );
  return {
    numHeads,
    headSize,
    scale,
    numKvHeads,
    valueHeadSize,
    alibiSlopes: args.alibiSlopes ? [...args.alibiSlopes] : null,
    slidingWindow: args.slidingWindow ?? null,
    logitsSoftCap,
    sinks: args.sinks ? [...args.sinks] : null,
    attnType,
    attnBackend,
  };
}

import { engine, env, getBackend } from '@tensorflow/tfjs-core';
import { InvalidArgumentError, UnsupportedError } from './errors.js';
import type { AttentionBackend } from './backends/abstract.js';
import { STRATEGIES, type StrategyName } from './backends/registry.js';
import type { Implementation } from './problem/options.js';
import { KV_CACHE_DTYPES, type KvCacheDtype } from './problem/params.js';
import type { AttentionSpec, Precision } from './problem/spec.js';
import { specKey } from './problem/spec.js';
import { registryGeneration } from './registry.js';
import { resolveKvCacheDtype } from './kv_cache/kv_cache.js';

/** A strategy that was passed over, and why. */
export interface Rejection {
  name: string;
  reasons: readonly string[];
}

/** A choice that explains itself. */
export interface Selection {
  backend: typeof AttentionBackend;
  rejected: readonly Rejection[];
}

const FLAG = 'TFJS_ATTENTION_BACKEND';
const AUTOMATIC: readonly StrategyName[] = ['FUSED', 'COMPOSED'];

let forced: StrategyName | null = null;
const selections = new Map<string, Selection>();
const told = new Set<string>();

/**
 * Forces one strategy everywhere, over flag and environment; `null` takes the force back
 * (vLLM `global_force_attn_backend`).
 */
export function globalForceAttnBackend(name: StrategyName | null): void {
  forced = name === null ? null : checkName('globalForceAttnBackend', name);
}

/** What {@link globalForceAttnBackend} set, or null. */
export function getGlobalForcedAttnBackend(): StrategyName | null {
  return forced;
}

/** Forces a strategy while `fn` runs (vLLM `global_force_attn_backend_context_manager`). `fn` must not be async. */
export function withForcedAttnBackend<T>(name: StrategyName, fn: () => T): T {
  const before = forced;
  globalForceAttnBackend(name);
  try {
    return fn();
  } finally {
    forced = before;
  }
}

/** The explicit request in force: argument, then force, then flag or environment; 'auto' where there is none. */
function requested(op: string, implementation: Implementation | undefined): Implementation {
  if (implementation !== undefined && implementation !== 'auto') {
    return checkName(op, implementation);
  }
  if (forced !== null) return forced;
  const flag = readFlag();
  return flag === '' ? 'auto' : checkName(FLAG, flag);
}

function readFlag(): string {
  const { flagRegistry } = env() as unknown as { flagRegistry: Record<string, unknown> };
  if (!(FLAG in flagRegistry)) {
    env().registerFlag(FLAG, () =>
      typeof process === 'undefined' ? '' : (process.env?.[FLAG] ?? ''),
    );
  }
  return String(env().get(FLAG));
}

function checkName(op: string, name: string): StrategyName {
  if (Object.hasOwn(STRATEGIES, name)) return name as StrategyName;
  throw new InvalidArgumentError(
    `${op}: '${name}' is no attention backend; valid names are ${Object.keys(STRATEGIES).join(', ')}`,
  );
}

/**
 * The strategy for a spec on the active tfjs backend. Automatic choice takes the first that has nothing against it;
 * an explicit request that cannot be met throws with the reasons.
 */
export function selectBackend(
  op: string,
  spec: AttentionSpec,
  implementation?: Implementation,
): Selection {
  const request = requested(op, implementation);
  const recording = engine().state.gradientDepth > 0;
  const tfBackend = getBackend();
  const key = [registryGeneration(), tfBackend, request, recording, specKey(spec)].join('|');
  const found = selections.get(key);
  if (found !== undefined) return found;

  const rejected: Rejection[] = [];
  for (const name of request === 'auto' ? AUTOMATIC : [request]) {
    const backend = STRATEGIES[name];
    const reasons = backend.validateSpec(spec, { tfBackend, recording });
    if (reasons.length === 0) {
      const selection = { backend, rejected };
      selections.set(key, selection);
      if (request === 'auto') tellOnce(tfBackend, selection);
      return selection;
    }
    rejected.push({ name, reasons });
  }
  throw new UnsupportedError(
    `${op}: no attention backend takes ${specKey(spec)} on tfjs backend '${tfBackend}'`,
    rejected.map(({ name, reasons }) => `${name}: ${reasons.join(', ')}`),
  );
}

function tellOnce(tfBackend: string, { backend, rejected }: Selection): void {
  if (rejected.length === 0) return;
  const message =
    `tfjs-attention: ${backend.getName()} serves tfjs backend '${tfBackend}', because ` +
    rejected.map(({ name, reasons }) => `${name} cannot: ${reasons.join(', ')}`).join('; ');
  if (told.has(message)) return;
  told.add(message);
  // eslint-disable-next-line no-console -- the one message that a silent fallback owes its user
  if (!env().getBool('IS_TEST')) console.warn(message);
}

/** Arguments of {@link getAttnBackend} as an object. */
export interface AttnSelectorConfig {
  headSize: number;
  dtype?: Precision;
  kvCacheDtype?: KvCacheDtype | 'auto' | 'fp8' | null;
  /** Tokens per cache block; null = dense. */
  blockSize?: number | null;
  useMla?: boolean;
  hasSink?: boolean;
  useSparse?: boolean;
}

type SelectorArgs =
  | [config: AttnSelectorConfig]
  | [
      headSize: number,
      dtype?: Precision,
      kvCacheDtype?: AttnSelectorConfig['kvCacheDtype'],
      blockSize?: number | null,
      useMla?: boolean,
      hasSink?: boolean,
      useSparse?: boolean,
    ];

/**
 * The strategy class for a model's attention on the active tfjs backend (vLLM `get_attn_backend`). Synchronous, pure
 * and cached; never compiles.
 *
 * ```js
 * getAttnBackend(128, 'float32', 'int8', 16).getName();  // 'FUSED' once a backend package is imported
 * ```
 *
 * @throws UnsupportedError where an explicit request cannot be met.
 */
export function getAttnBackend(...args: SelectorArgs): typeof AttentionBackend {
  return explainAttnBackend(...args).backend;
}

/** As {@link getAttnBackend}, with the reasons against the others. */
export function explainAttnBackend(...args: SelectorArgs): Selection {
  return selectBackend('getAttnBackend', specOf(args));
}

function specOf(args: SelectorArgs): AttentionSpec {
  const op = 'getAttnBackend';
  const [first, dtype, kvCacheDtype, blockSize, useMla, hasSink, useSparse] = args;
  const config: AttnSelectorConfig =
    typeof first === 'object'
      ? first
      : { headSize: first, dtype, kvCacheDtype, blockSize, useMla, hasSink, useSparse };
  const { headSize } = config;
  if (!Number.isInteger(headSize) || headSize < 1) {
    throw new InvalidArgumentError(`${op}: headSize must be an integer >= 1, got ${headSize}`);
  }
  if (config.useSparse === true) {
    throw new UnsupportedError(`${op}: useSparse`, ['no backend has sparse attention']);
  }
  const kvDtype = resolveKvCacheDtype(op, config.kvCacheDtype ?? 'auto');
  if (!KV_CACHE_DTYPES.includes(kvDtype)) throw new InvalidArgumentError(`${op}: ${kvDtype}`);
  const paged = config.blockSize != null;
  return {
    phase: 'prefill',
    headSize,
    valueHeadSize: config.useMla === true && headSize === 576 ? 512 : headSize,
    queriesPerKv: 1,
    kv: paged
      ? { kind: 'paged', blockSize: config.blockSize as number }
      : { kind: 'dense', order: 'bsnh' },
    kvDtype,
    features: config.hasSink === true ? ['sinks'] : [],
    returnLse: false,
    precision: config.dtype ?? 'float32',
  };
}

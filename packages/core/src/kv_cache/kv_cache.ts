import { getBackend, reshape, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { BackendMismatchError, DisposedError } from '../errors.js';
import { providerFor } from '../registry.js';
import { check, checkInt } from '../problem/checks.js';
import { KV_CACHE_DTYPES, type KvCacheDtype } from '../problem/params.js';
import { gatherSlots } from './access.js';
import { hasTokenScales } from './dtypes.js';
import { HostKvStorage } from './host_storage.js';
import type { KvCacheLayout } from './layout.js';
import { HadamardRotation, rotationBlock } from './rotation.js';
import { AttentionKvCacheSpec } from './spec.js';
import type { KvStorage } from './storage.js';

export interface KvCacheOptions {
  /** P, physical blocks; capacity is P * C tokens and never changes. */
  numBlocks: number;
  /** Stored type; 'auto' (default) = float32, 'fp8' = fp8_e4m3. */
  dtype?: KvCacheDtype | 'auto' | 'fp8';
  /**
   * Real = stored * scale: a positive number or one a KV head `[K]`. Default 1. Not for per-token-head types. Where values
   * are in the keys (MLA), vScale is kScale.
   */
  kScale?: number | Float32Array;
  vScale?: number | Float32Array;
  /** 'hadamard': store rows turned by a randomised Hadamard transform, which int4 gains by. Default: as they are. */
  rotation?: 'hadamard' | 'none';
}

const OP = 'KvCache';

/**
 * A paged key/value cache of fixed capacity, written in place. It belongs to the tfjs backend that is active when it is
 * made: using it under another throws BackendMismatchError. It is no tensor: `tf.tidy` does not free it, `dispose()`
 * does.
 *
 * ```js
 * const spec = new FullAttentionSpec({blockSize: 16, numKvHeads: 2, headSize: 64});
 * const cache = new KvCache(spec, {numBlocks: 8, dtype: 'int8', kScale: 0.05, vScale: 0.05});
 * cache.memory().bytes;  // 8 * 16 * 2 * (64 + 64) = 32768
 * ```
 *
 * @throws InvalidArgumentError for a bad geometry, type or scale; CapacityError where the memory is not to be had.
 */
export class KvCache {
  readonly layout: KvCacheLayout;
  /** tf.getBackend() at construction. */
  readonly tfBackend: string;
  private held: KvStorage | null;
  /** Whether kernels of the backend read it; otherwise it lives in host arrays for the composed ops. */
  readonly fused: boolean;
  /** Turns rows on their way in and out; null where they are stored as they are. */
  readonly rotation: HadamardRotation | null;
  /** Why it is not fused. */
  readonly reasons: readonly string[];

  constructor(
    readonly spec: AttentionKvCacheSpec,
    options: KvCacheOptions,
  ) {
    this.layout = describeLayout(spec, options);
    const { headSize, valueHeadSize, rotation } = this.layout;
    this.rotation =
      rotation === undefined ? null : new HadamardRotation(rotationBlock(headSize, valueHeadSize));
    this.tfBackend = getBackend();
    const provider = providerFor(this.tfBackend);
    this.reasons = provider
      ? provider.rejectsCache(this.layout)
      : [`no attention package is loaded for tfjs backend '${this.tfBackend}'`];
    this.fused = provider !== undefined && this.reasons.length === 0;
    this.held =
      this.fused && provider
        ? provider.createKvStorage(this.layout)
        : new HostKvStorage(this.layout);
  }

  get isDisposed(): boolean {
    return this.held === null;
  }

  /** P * C. */
  get numSlots(): number {
    return this.layout.numBlocks * this.layout.blockSize;
  }

  /** The storage, for ops; checks that the cache is alive and at home. */
  storageFor(op: string): KvStorage {
    if (this.held === null) {
      throw new DisposedError(`${op}: the cache is disposed; make a new KvCache`);
    }
    const active = getBackend();
    if (active !== this.tfBackend) {
      throw new BackendMismatchError(
        `${op}: the cache belongs to tfjs backend '${this.tfBackend}', but '${active}' is active; ` +
          `call tf.setBackend('${this.tfBackend}') or make the cache under '${active}'`,
      );
    }
    return this.held;
  }

  /** Bytes held, scales included, and where. */
  memory(): { bytes: number; numBlocks: number; bytesPerBlock: number; fused: boolean } {
    const bytes = this.held?.bytes ?? 0;
    const { numBlocks } = this.layout;
    return { bytes, numBlocks, bytesPerBlock: bytes / numBlocks, fused: this.fused };
  }

  /**
   * Other scales for what is written and read from now on; stored codes stay as they are, so this is for a cache that
   * nothing was written to yet: a layer measures its scales in the first step.
   *
   * @throws InvalidArgumentError for a scale that is not positive, or where scales are one a head or one a token.
   */
  setScales(kScale: number, vScale: number): void {
    const op = 'KvCache.setScales';
    this.storageFor(op);
    const { numKvHeads, dtype, kScale: before } = this.layout;
    check(
      typeof before === 'number' && !hasTokenScales(dtype),
      op,
      `this cache has ${hasTokenScales(dtype) ? 'a scale a token' : 'a scale a head'}: only one scale a tensor can be replaced`,
    );
    const k = readScale('kScale', kScale, numKvHeads, dtype);
    const v = readScale('vScale', vScale, numKvHeads, dtype);
    checkOneScale(op, this.layout.valueInKey, k, v);
    Object.assign(this.layout, { kScale: k, vScale: v });
  }

  /** Dequantised float32 copies, key `[P, C, K, H]` and value `[P, C, K, Hv]`; for debugging and tests. */
  toTensors(): { key: Tensor; value: Tensor } {
    const storage = this.storageFor('KvCache.toTensors');
    const { numBlocks, blockSize, numKvHeads, headSize, valueHeadSize } = this.layout;
    return tidy(() => {
      const slots = Int32Array.from({ length: this.numSlots }, (_, slot) => slot);
      const [key, value] = gatherSlots(storage, slots).map((x) => this.rotation?.turnBack(x) ?? x);
      return {
        key: reshape(key, [numBlocks, blockSize, numKvHeads, headSize]),
        value: reshape(value, [numBlocks, blockSize, numKvHeads, valueHeadSize]),
      };
    });
  }

  /** Frees the storage; a second call does nothing. */
  dispose(): void {
    this.held?.dispose();
    this.rotation?.dispose();
    this.held = null;
  }
}

/** The stored type that a name stands for. */
export function resolveKvCacheDtype(op: string, dtype: KvCacheOptions['dtype']): KvCacheDtype {
  if (dtype === undefined || dtype === 'auto') return 'float32';
  if (dtype === 'fp8') return 'fp8_e4m3';
  check(
    KV_CACHE_DTYPES.includes(dtype),
    op,
    `dtype '${String(dtype)}' is not one of auto, fp8, ${KV_CACHE_DTYPES.join(', ')}`,
  );
  return dtype;
}

function describeLayout(spec: AttentionKvCacheSpec, options: KvCacheOptions): KvCacheLayout {
  check(
    spec instanceof AttentionKvCacheSpec,
    OP,
    'the first argument must be an AttentionKvCacheSpec such as FullAttentionSpec',
  );
  const { numBlocks } = options ?? {};
  checkInt(numBlocks, OP, 'numBlocks', 1);
  const dtype = resolveKvCacheDtype(OP, options.dtype);
  const { blockSize, numKvHeads, headSize, valueHeadSize } = spec;
  const slots = numBlocks * blockSize;
  check(
    slots < 2 ** 31,
    OP,
    `numBlocks * blockSize = ${slots} must stay below 2^31: slots are int32`,
  );
  const { kScale: givenK = 1, rotation = 'none' } = options;
  check(
    rotation === 'none' || rotation === 'hadamard',
    OP,
    `rotation '${String(rotation)}' is neither none nor hadamard`,
  );
  const kScale = readScale('kScale', givenK, numKvHeads, dtype);
  const givenV = options.vScale ?? (spec.valueInKey ? kScale : 1);
  const vScale = readScale('vScale', givenV, numKvHeads, dtype);
  checkOneScale(OP, spec.valueInKey, kScale, vScale);
  return {
    numBlocks,
    blockSize,
    numKvHeads,
    headSize,
    valueHeadSize,
    ...(spec.valueInKey && { valueInKey: true as const }),
    ...(rotation === 'hadamard' && { rotation }),
    dtype,
    kScale,
    vScale,
  };
}

/** A value that is part of its key has the key's scale. */
function checkOneScale(
  op: string,
  valueInKey: boolean | undefined,
  kScale: number | Float32Array,
  vScale: number | Float32Array,
): void {
  check(
    !valueInKey || String(kScale) === String(vScale),
    op,
    () =>
      `vScale ${String(vScale)} must be kScale ${String(kScale)}: values are stored in the keys`,
  );
}

/** A scale as float32, which is what kernels divide by. */
function readScale(
  name: string,
  scale: number | Float32Array,
  numKvHeads: number,
  dtype: KvCacheDtype,
): number | Float32Array {
  const values = typeof scale === 'number' ? [scale] : scale;
  check(
    typeof scale === 'number' || scale instanceof Float32Array,
    OP,
    `${name} must be a number or a Float32Array [K], got ${String(scale)}`,
  );
  check(
    typeof scale === 'number' || scale.length === numKvHeads,
    OP,
    `${name} must have ${numKvHeads} entries [K], got ${values.length}`,
  );
  for (const value of values) {
    const stored = Math.fround(value);
    check(
      stored > 0 && Number.isFinite(stored),
      OP,
      `${name} must be positive and finite in float32, got ${value}`,
    );
    check(
      !hasTokenScales(dtype) || value === 1,
      OP,
      `${name} ${value} has no place with dtype ${dtype}: that type computes its scales when tokens are written`,
    );
  }
  return typeof scale === 'number' ? Math.fround(scale) : scale.slice();
}

import type { KvCacheDtype } from '../problem/params.js';

/** Everything a backend needs to allocate a cache. K is `[P, C, K, H]`, V is `[P, C, K, Hv]` ('NHD'); int4 has two lanes a byte. */
export interface KvCacheLayout {
  readonly numBlocks: number;
  readonly blockSize: number;
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly valueHeadSize: number;
  /** Values are the first `valueHeadSize` lanes of keys (MLA): there is no V, and `vScale` is `kScale`. */
  readonly valueInKey?: true;
  /** What stands in the cache is keys and values times this matrix. */
  readonly rotation?: 'hadamard';
  readonly dtype: KvCacheDtype;
  /** Real = stored * scale; a number, or one a KV head `[K]`. */
  readonly kScale: number | Float32Array;
  readonly vScale: number | Float32Array;
}

/** Stored bytes of some blocks, in the order asked for; little-endian, `[n, C, K, H]` and `[n, C, K, Hv]`; no value where it is in the key. */
export interface KvBlockBytes {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** `[n, C, K]`, only for the per-token-head types. */
  readonly keyScales?: Float32Array;
  readonly valueScales?: Float32Array;
}

/** `[from, to]` pairs of block numbers. */
export type BlockPairs = readonly (readonly [number, number])[];

import { check, checkInt } from '../../problem/checks.js';
import { KV_CACHE_DTYPES, type KvCacheDtype } from '../../problem/params.js';
import { bytesPerRow, hasTokenScales } from '../dtypes.js';
import { KvCacheSpec } from './base.js';

/** What a spec asks of a cache. */
export interface KvCacheSpecOptions {
  /** C, tokens per block. */
  blockSize: number;
  /** K */
  numKvHeads: number;
  /** H of keys. */
  headSize: number;
  /** Hv of values; default headSize. */
  valueHeadSize?: number;
  /** Stored type that sizes are counted in; default float32. */
  dtype?: KvCacheDtype;
  /** Bytes to round a block up to, so that layers of different kinds share memory. Default: no padding. */
  pageSizePadded?: number;
}

/** Blocks `[P, C, K, H]` of keys and `[P, C, K, Hv]` of values (vLLM `AttentionSpec`). */
export abstract class AttentionKvCacheSpec extends KvCacheSpec {
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly valueHeadSize: number;
  readonly dtype?: KvCacheDtype;
  readonly pageSizePadded?: number;

  /** Whether values are the first lanes of keys, stored once. */
  readonly valueInKey: boolean = false;

  constructor(options: KvCacheSpecOptions) {
    super(options);
    const { numKvHeads, headSize, valueHeadSize = headSize, dtype, pageSizePadded } = options;
    const name = new.target.name;
    checkInt(numKvHeads, name, 'numKvHeads', 1);
    checkInt(headSize, name, 'headSize', 1);
    checkInt(valueHeadSize, name, 'valueHeadSize', 1);
    check(
      dtype === undefined || KV_CACHE_DTYPES.includes(dtype),
      name,
      `dtype '${dtype}' is not one of ${KV_CACHE_DTYPES.join(', ')}`,
    );
    if (pageSizePadded !== undefined) checkInt(pageSizePadded, name, 'pageSizePadded', 1);
    this.numKvHeads = numKvHeads;
    this.headSize = headSize;
    this.valueHeadSize = valueHeadSize;
    if (dtype !== undefined) this.dtype = dtype;
    if (pageSizePadded !== undefined) this.pageSizePadded = pageSizePadded;
  }

  /** Bytes of one block, scales and padding included. 16 tokens, 2 heads of 64, float32: 16384. */
  override pageSizeBytes(dtype: KvCacheDtype = this.dtype ?? 'float32'): number {
    const bytes = this.unpaddedPageSizeBytes(dtype);
    const padded = this.pageSizePadded ?? bytes;
    check(
      padded >= bytes,
      `${this.constructor.name}.pageSizeBytes`,
      `pageSizePadded ${padded} is less than the ${bytes} bytes of a ${dtype} block`,
    );
    return padded;
  }

  /** Bytes of one block as it is, scales included. */
  unpaddedPageSizeBytes(dtype: KvCacheDtype = this.dtype ?? 'float32'): number {
    const scale = hasTokenScales(dtype) ? 4 : 0;
    const keys = bytesPerRow(dtype, this.headSize) + scale;
    const values = this.valueInKey ? 0 : bytesPerRow(dtype, this.valueHeadSize) + scale;
    return this.blockSize * this.numKvHeads * (keys + values);
  }
}

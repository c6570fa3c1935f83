import {
  decodeRow,
  encodeRow,
  KV_CACHE_DTYPES,
  measureRow,
  type CacheParams,
} from '@tfjs-attention/core/provider';
import type { Region } from '../heap/region.js';
import type { CacheRegions } from '../kernels/kernel_set.js';
import { codesOf, type Codes } from './codes.js';

/** Keys or values of a cache, with the new tokens `[T, K, size]` beside them. */
class CacheHalf {
  readonly dtype;
  readonly size: number;
  readonly stored: Region;
  readonly fresh: Float32Array;
  private readonly scale: number;
  private readonly headScales: Float32Array | undefined;
  readonly tokenScales: Float32Array | undefined;

  constructor(
    private readonly params: CacheParams,
    operands: CacheRegions,
    private readonly half: 'k' | 'v',
  ) {
    const stored = operands[half];
    const fresh = operands[half === 'k' ? 'newK' : 'newV'];
    if (!stored || !fresh) throw new TypeError(`an operand of ${half} is missing`);
    this.dtype = KV_CACHE_DTYPES[params.kvDtype];
    this.size = half === 'k' ? params.headSize : params.valueHeadSize;
    this.stored = stored;
    this.fresh = fresh.floats();
    this.scale = Math.fround(params[`${half}Scale`]);
    this.headScales = operands[`${half}HeadScales`]?.floats();
    this.tokenScales = operands[`${half}TokenScales`]?.floats();
  }

  /** float32 as bits. */
  get codes(): Uint32Array | Codes {
    const { buffer, byteOffset, byteLength } = this.stored.bytes();
    return this.dtype === 'float32'
      ? new Uint32Array(buffer, byteOffset, byteLength / 4)
      : codesOf(this.dtype, this.stored);
  }

  /** First stored element of a slot's head. */
  at(slot: number, head: number): number {
    const { params, half } = this;
    const offset = slot % params.blockSize;
    return (
      ((slot - offset) / params.blockSize) * params[`${half}StrideBlock`] +
      offset * params[`${half}StrideToken`] +
      head * params[`${half}StrideHead`]
    );
  }

  scaleOf(slot: number, head: number): number {
    if (this.tokenScales) return this.tokenScales[slot * this.params.numKvHeads + head];
    return this.headScales ? this.headScales[head] : this.scale;
  }
}

/** Quantises new tokens into their slots; bytes are those of every other backend. */
export function plainCacheWrite(params: CacheParams, operands: CacheRegions): void {
  forEachRow(params, operands, (half, slot, from, head) => {
    if (slot < 0) return;
    const { dtype, fresh, size, codes, tokenScales } = half;
    if (tokenScales) {
      tokenScales[slot * params.numKvHeads + head] = measureRow(dtype, fresh, from, size);
    }
    encodeRow(dtype, fresh, from, size, half.scaleOf(slot, head), codes, half.at(slot, head));
  });
}

/** Slots as float32; zeros for slot -1. */
export function plainCacheGather(params: CacheParams, operands: CacheRegions): void {
  forEachRow(params, operands, (half, slot, to, head) => {
    const { dtype, fresh, size, codes } = half;
    if (slot < 0) fresh.fill(0, to, to + size);
    else decodeRow(dtype, codes, half.at(slot, head), size, half.scaleOf(slot, head), fresh, to);
  });
}

function forEachRow(
  params: CacheParams,
  operands: CacheRegions,
  visit: (half: CacheHalf, slot: number, fresh: number, head: number) => void,
): void {
  const slots = operands.slotMapping?.ints();
  if (slots === undefined) throw new TypeError('the operand slotMapping is missing');
  for (const name of params.valueHeadSize > 0 ? (['k', 'v'] as const) : (['k'] as const)) {
    const half = new CacheHalf(params, operands, name);
    for (let token = 0; token < params.numTokens; token++) {
      for (let head = 0; head < params.numKvHeads; head++) {
        visit(half, slots[token], (token * params.numKvHeads + head) * half.size, head);
      }
    }
  }
}

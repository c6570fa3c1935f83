import {
  encode,
  type AttentionParams,
  type CacheParams,
  type ElementDtype,
} from '@tfjs-attention/core/provider';
import type { Region } from '../heap/region.js';
import type {
  AttentionRegions,
  CacheRegions,
  GradientRegions,
  KernelSet,
  MergeRegions,
} from '../kernels/kernel_set.js';
import { PlainAttention } from './attention.js';
import { PlainBackward } from './backward.js';
import { plainCacheGather, plainCacheWrite } from './cache.js';
import { valuesOf } from './codes.js';
import { plainMergeStates } from './merge_states.js';

/** Every kernel in TypeScript, for where WebAssembly is absent or blocked. */
export class PlainKernels implements KernelSet {
  attention(params: AttentionParams, operands: AttentionRegions): void {
    new PlainAttention(params, operands).run();
  }

  backward(params: AttentionParams, operands: AttentionRegions, gradients: GradientRegions): void {
    new PlainBackward(params, operands, gradients).run();
  }

  cacheWrite(params: CacheParams, operands: CacheRegions): void {
    plainCacheWrite(params, operands);
  }

  cacheGather(params: CacheParams, operands: CacheRegions): void {
    plainCacheGather(params, operands);
  }

  mergeStates(regions: MergeRegions, rows: number, heads: number, size: number): void {
    plainMergeStates(regions, rows, heads, size);
  }

  fp8Encode(x: Region, codes: Region, count: number, scale: number, dtype: ElementDtype): void {
    const values = x.floats();
    const bytes = codes.bytes();
    const divisor = Math.fround(scale);
    for (let i = 0; i < count; i++) bytes[i] = encode(dtype, Math.fround(values[i] / divisor));
  }

  fp8Decode(codes: Region, x: Region, count: number, scale: number, dtype: ElementDtype): void {
    const bytes = codes.bytes();
    const values = x.floats();
    const table = valuesOf(dtype) as Float32Array;
    const factor = Math.fround(scale);
    for (let i = 0; i < count; i++) values[i] = table[bytes[i]] * factor;
  }
}

import type {
  AttentionOperandName,
  AttentionParams,
  CacheOperandName,
  CacheParams,
  GradientOperandName,
  ElementDtype,
} from '@tfjs-attention/core/provider';
import type { Region, Regions } from '../heap/region.js';

export type AttentionRegions = Regions<AttentionOperandName>;
export type GradientRegions = Regions<GradientOperandName>;
export type CacheRegions = Regions<CacheOperandName>;

/** Two attention states to merge, and where the result goes. */
export interface MergeRegions {
  readonly outputA: Region;
  readonly lseA: Region;
  readonly outputB: Region;
  readonly lseB: Region;
  readonly sinks?: Region;
  readonly output: Region;
  readonly lse: Region;
}

/** The kernels over one memory. The arguments were checked; only memory may still run out, before anything is written. */
export interface KernelSet {
  attention(params: AttentionParams, operands: AttentionRegions): void;
  /** Gradients of dense attention; `operands` have the `out` and `lse` that it gave. */
  backward(params: AttentionParams, operands: AttentionRegions, gradients: GradientRegions): void;
  /** Writes new tokens into a cache. */
  cacheWrite(params: CacheParams, operands: CacheRegions): void;
  /** Reads tokens of a cache as float32. */
  cacheGather(params: CacheParams, operands: CacheRegions): void;
  /** Outputs `[rows, heads, size]`, lse `[rows, heads]`. */
  mergeStates(regions: MergeRegions, rows: number, heads: number, size: number): void;
  /** float32 to one byte each. */
  fp8Encode(x: Region, codes: Region, count: number, scale: number, dtype: ElementDtype): void;
  fp8Decode(codes: Region, x: Region, count: number, scale: number, dtype: ElementDtype): void;
}

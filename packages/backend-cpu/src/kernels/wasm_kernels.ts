import {
  ATTENTION_OPERANDS,
  ATTENTION_PARAMS,
  CACHE_OPERANDS,
  CACHE_PARAMS,
  GRADIENT_OPERANDS,
  KV_CACHE_DTYPES,
  type AttentionParams,
  type CacheParams,
  type ElementDtype,
} from '@tfjs-attention/core/provider';
import type { Arena } from '../heap/arena.js';
import type { Heap } from '../heap/heap.js';
import type { Region } from '../heap/region.js';
import type {
  AttentionRegions,
  CacheRegions,
  GradientRegions,
  KernelSet,
  MergeRegions,
} from './kernel_set.js';
import { Struct } from './struct.js';
import type { WasmExports } from './wasm_exports.js';

/** A scheduled piece of work, opaque here. */
const ITEM_BYTES = 32;

const attentionParams = new Struct(ATTENTION_PARAMS);
const attentionOperands = new Struct(ATTENTION_OPERANDS);
const gradientOperands = new Struct(GRADIENT_OPERANDS);
const cacheParams = new Struct(CACHE_PARAMS);
const cacheOperands = new Struct(CACHE_OPERANDS);

/** Work items of one call, any of which may run on any thread. Addresses. */
export interface WorkItems {
  readonly params: number;
  readonly operands: number;
  readonly items: number;
  readonly count: number;
  readonly partials: number;
  /** `scratchBytes` for each thread. */
  readonly scratch: number;
  readonly scratchBytes: number;
  /** Multiply-adds, at most. */
  readonly cost: number;
}

/** Runs all items before it returns. */
export interface WorkRunner {
  readonly threads: number;
  run(work: WorkItems): void;
}

/** The runner of one thread. */
export function soloRunner(exports: WasmExports): WorkRunner {
  return {
    threads: 1,
    run: ({ params, operands, items, count, partials, scratch }) =>
      exports.attn_run(params, operands, items, 0, count, partials, scratch),
  };
}

/** The C kernels, marshalled. */
export class WasmKernels implements KernelSet {
  private readonly params: Region;
  private readonly operands: Region;

  constructor(
    heap: Heap,
    private readonly arena: Arena,
    private readonly exports: WasmExports,
    private readonly runner: WorkRunner,
  ) {
    this.params = heap.allocate(Math.max(attentionParams.byteLength, cacheParams.byteLength));
    this.operands = heap.allocate(Math.max(attentionOperands.byteLength, cacheOperands.byteLength));
  }

  attention(params: AttentionParams, regions: AttentionRegions): void {
    const { exports, arena, runner } = this;
    attentionParams.write(this.params, params);
    attentionOperands.writePointers(this.operands, regions);
    const [at, operands] = [this.params.address, this.operands.address];
    const count = exports.attn_schedule(at, operands, 0) >>> 0;
    const items = arena.take(count * ITEM_BYTES).address;
    const partialBytes = exports.attn_partial_bytes(at, operands) >>> 0;
    const partials = partialBytes > 0 ? arena.take(partialBytes).address : 0;
    // Whole cache lines, so that threads do not write into each other's.
    const scratchBytes = Math.ceil((exports.attn_scratch_bytes(at) >>> 0) / 64) * 64;
    const scratch = arena.take(scratchBytes * runner.threads).address;
    exports.attn_schedule(at, operands, items);
    const { numSeqs, maxQueryLen, maxSeqLen, numHeads, headSize, valueHeadSize } = params;
    const cost = numSeqs * maxQueryLen * maxSeqLen * numHeads * (headSize + valueHeadSize);
    runner.run({ params: at, operands, items, count, partials, scratch, scratchBytes, cost });
    exports.attn_combine(at, operands, items, count, partials);
  }

  backward(params: AttentionParams, regions: AttentionRegions, gradients: GradientRegions): void {
    const { exports, arena } = this;
    const pointers = arena.take(gradientOperands.byteLength);
    attentionParams.write(this.params, params);
    attentionOperands.writePointers(this.operands, regions);
    gradientOperands.writePointers(pointers, gradients);
    const at = this.params.address;
    const scratch = arena.take(exports.attn_backward_scratch_bytes(at) >>> 0).address;
    const items = params.numSeqs * params.numKvHeads;
    exports.attn_backward(at, this.operands.address, pointers.address, 0, items, scratch);
  }

  cacheWrite(params: CacheParams, regions: CacheRegions): void {
    this.writeCacheStructs(params, regions);
    this.exports.cache_write(this.params.address, this.operands.address, 0, params.numTokens);
  }

  cacheGather(params: CacheParams, regions: CacheRegions): void {
    this.writeCacheStructs(params, regions);
    this.exports.cache_gather(this.params.address, this.operands.address, 0, params.numTokens);
  }

  private writeCacheStructs(params: CacheParams, regions: CacheRegions): void {
    cacheParams.write(this.params, params);
    cacheOperands.writePointers(this.operands, regions);
  }

  mergeStates(regions: MergeRegions, rows: number, heads: number, size: number): void {
    const { outputA, lseA, outputB, lseB, sinks, output, lse } = regions;
    this.exports.attn_merge_states(
      outputA.address,
      lseA.address,
      outputB.address,
      lseB.address,
      sinks?.address ?? 0,
      output.address,
      lse.address,
      rows,
      heads,
      size,
    );
  }

  fp8Encode(x: Region, codes: Region, count: number, scale: number, dtype: ElementDtype): void {
    const index = KV_CACHE_DTYPES.indexOf(dtype);
    this.exports.fp8_encode(x.address, codes.address, count, scale, index);
  }

  fp8Decode(codes: Region, x: Region, count: number, scale: number, dtype: ElementDtype): void {
    const index = KV_CACHE_DTYPES.indexOf(dtype);
    this.exports.fp8_decode(codes.address, x.address, count, scale, index);
  }
}

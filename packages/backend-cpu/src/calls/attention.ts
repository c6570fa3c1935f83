import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { AttentionProblem, AttentionTensors } from '@tfjs-attention/core/provider';
import type { AttentionRegions } from '../kernels/kernel_set.js';
import type { HeapKvStorage } from '../kv_storage.js';
import type { Site } from '../runtime.js';
import { batchInts } from './batch_ints.js';
import { runCall } from './call.js';

export type AttentionInputs = { readonly [name in keyof AttentionTensors]: TensorInfo };

/** Dense attention, or attention over a cache: output, then lse where the spec asks for it. */
export function attention(
  site: Site,
  problem: AttentionProblem,
  inputs: AttentionInputs,
  storage?: HeapKvStorage,
): TensorInfo[] {
  return runCall(site, problem.op, (call) => {
    const input = (info: TensorInfo | undefined) => info && call.input(info);
    const ints = batchInts(call, problem.ints);
    const cache = storage && cacheRegions(storage);
    // In the order of the operand table.
    site.kernels.attention(problem.params, {
      q: call.input(inputs.q),
      k: cache?.k ?? input(inputs.k),
      v: cache?.v ?? input(inputs.v),
      bias: input(inputs.bias),
      mask: input(inputs.mask),
      queryStartLoc: ints.queryStartLoc,
      seqLens: ints.seqLens,
      queryOffsets: ints.queryOffsets,
      blockTables: ints.blockTables,
      causalFlags: ints.causalFlags,
      rswaPrefixLens: ints.rswaPrefixLens,
      mmRanges: ints.mmRanges,
      alibiSlopes: input(inputs.alibiSlopes),
      sinks: input(inputs.sinks),
      kHeadScales: cache?.kHeadScales,
      vHeadScales: cache?.vHeadScales,
      kTokenScales: cache?.kTokenScales,
      vTokenScales: cache?.vTokenScales,
      qqBias: input(inputs.qqBias),
      out: call.output(problem.outputShape),
      lse: problem.spec.returnLse ? call.output(problem.lseShape) : undefined,
    });
  });
}

/** A cache as kernels name its parts. */
export function cacheRegions({ key, value }: HeapKvStorage) {
  return {
    k: key.codes,
    v: value.codes,
    kHeadScales: key.headScales,
    vHeadScales: value.headScales,
    kTokenScales: key.tokenScales,
    vTokenScales: value.tokenScales,
  } satisfies AttentionRegions;
}

import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { AttentionProblem } from '@tfjs-attention/core/provider';
import type { Region } from '../heap/region.js';
import type { AttentionRegions } from '../kernels/kernel_set.js';
import type { HeapKvStorage } from '../kv_storage.js';
import type { Site } from '../runtime.js';
import { batchInts } from './batch_ints.js';
import { runCall } from './call.js';

const TENSORS = ['q', 'k', 'v', 'bias', 'mask', 'alibiSlopes', 'sinks', 'qqBias'] as const;

export type AttentionInputs = Readonly<Partial<Record<(typeof TENSORS)[number], TensorInfo>>>;

/** Dense attention, or attention over a cache: output, then lse where the spec asks for it. */
export function attention(
  site: Site,
  problem: AttentionProblem,
  inputs: AttentionInputs,
  storage?: HeapKvStorage,
): TensorInfo[] {
  return runCall(site, problem.op, (call) => {
    const tensors: Partial<Record<(typeof TENSORS)[number], Region>> = {};
    for (const name of TENSORS) {
      const info = inputs[name];
      if (info !== undefined) tensors[name] = call.input(info);
    }
    const { queryStartLoc, seqLens, queryOffsets, blockTables } = batchInts(call, problem.ints);
    const out = call.output(problem.outputShape);
    const lse = problem.spec.returnLse ? call.output(problem.lseShape) : undefined;
    site.kernels.attention(problem.params, {
      ...tensors,
      ...(storage && cacheRegions(storage)),
      queryStartLoc,
      seqLens,
      queryOffsets,
      blockTables,
      out,
      lse,
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

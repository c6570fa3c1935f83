import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { AttentionProblem, AttentionTensors } from '@tfjs-attention/core/provider';
import type { Region } from '../heap/region.js';
import type { AttentionRegions } from '../kernels/kernel_set.js';
import type { HeapKvStorage } from '../kv_storage.js';
import type { Site } from '../runtime.js';
import { batchInts } from './batch_ints.js';
import { runCall, type Call } from './call.js';

export type AttentionInputs = { readonly [name in keyof AttentionTensors]: TensorInfo };

/** Dense attention, or attention over a cache: output, then lse where the spec asks for it. */
export function attention(
  site: Site,
  problem: AttentionProblem,
  inputs: AttentionInputs,
  storage?: HeapKvStorage,
): TensorInfo[] {
  return runCall(site, problem.op, (call) => {
    site.kernels.attention(
      problem.params,
      operandRegions(call, problem, inputs, storage && cacheRegions(storage), {
        out: call.output(problem.outputShape),
        lse: problem.spec.returnLse ? call.output(problem.lseShape) : undefined,
      }),
    );
  });
}

/** A call's operands where kernels read them, in the order of their table. */
export function operandRegions(
  call: Call,
  problem: AttentionProblem,
  inputs: AttentionInputs,
  cache: ReturnType<typeof cacheRegions> | undefined,
  { out, lse }: { out: Region; lse: Region | undefined },
): AttentionRegions {
  const input = (info: TensorInfo | undefined) => info && call.input(info);
  const ints = batchInts(call, problem.ints);
  return {
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
    dropout: ints.dropout,
    alibiSlopes: input(inputs.alibiSlopes),
    sinks: input(inputs.sinks),
    kHeadScales: cache?.kHeadScales,
    vHeadScales: cache?.vHeadScales,
    kTokenScales: cache?.kTokenScales,
    vTokenScales: cache?.vTokenScales,
    qqBias: input(inputs.qqBias),
    out,
    lse,
  };
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

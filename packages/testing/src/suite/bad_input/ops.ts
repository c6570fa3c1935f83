import {
  chunkedPrefillPagedDecode,
  contextAttentionFwd,
  decodeAttentionFwd,
  decodeAttentionFwdGrouped,
  decodeAttentionFwdNormal,
  decodeSoftmaxReducevFwd,
  flashAttnVarlenFunc,
  packSeqTriton,
  PagedAttention,
  pagedAttentionV1,
  pagedAttentionV2,
  unpackSeqTriton,
  type AttentionPlan,
  type AttentionResult,
  type FlashAttnVarlenOptions,
  type KvCache,
} from '@tfjs-attention/core';
import { implementationOf } from '../subject.js';
import { bad, handleCalls, type Call } from './paged.js';
import type { BadCall, World } from './world.js';

const ints = (...values: number[]) => Int32Array.from(values);

/** One query token of each sequence. */
const decodePlan = (w: World) =>
  w.planWith({ queryStartLoc: ints(0, 1, 2), slotMapping: ints(8, 17) });

type Context = typeof contextAttentionFwd | typeof chunkedPrefillPagedDecode;

function contextCalls(op: Context): BadCall[] {
  const call =
    (change: (w: World) => object): Call =>
    (w, subject) => {
      const given = { q: w.packedQ, k: w.newK, v: w.newV, cache: w.cache, plan: w.plan, ...change(w) }; // prettier-ignore
      const { q, k, v, cache, plan } = given;
      return op(q, k, v, cache, plan, { implementation: implementationOf(subject) });
    };
  return [
    ...handleCalls(call),
    bad('q of other tokens', call((w) => ({ q: w.tensor([4, 4, 8]) })), /q must be \[5, 4, 8\].*\[4, 4, 8\]/),
    bad('k of other heads', call((w) => ({ k: w.tensor([5, 3, 8]) })), /k must be \[5, 2, 8\]/),
    bad('v of another size', call((w) => ({ v: w.tensor([5, 2, 7]) })), /v must be \[5, 2, 8\]/),
    bad('int32 k', call((w) => ({ k: w.tensor([5, 2, 8], 'int32') })), /k must be float32/),
    bad('no v', call(() => ({ v: undefined })), /v must be a tf\.Tensor/),
    bad('a step that is not causal', call((w) => ({ plan: w.planWith({ causal: false }) })), /must be causal/),
    bad('new tokens that are not the last', call((w) => ({ plan: w.planWith({ queryOffset: ints(0, 2) }) })), /sequence 1 has 1 new tokens at position 2 of 6/),
  ]; // prettier-ignore
}

type Decode = typeof decodeAttentionFwd | typeof pagedAttentionV1;

function decodeCalls(op: Decode): BadCall[] {
  const call =
    (change: (w: World) => object): Call =>
    (w, subject) => {
      const { q, cache, plan, options } = {
        q: w.decodeQ,
        cache: w.cache,
        plan: decodePlan(w),
        options: {},
        ...change(w),
      };
      return op(q, cache, plan, { implementation: implementationOf(subject), ...options });
    };
  return [
    ...handleCalls(call),
    bad('a prefill', call((w) => ({ plan: w.plan, q: w.packedQ })), /one query token.*5 tokens of 2/),
    bad('q of rank 2', call((w) => ({ q: w.tensor([2, 32]) })), /must have rank 3/),
    bad('int32 q', call((w) => ({ q: w.tensor([2, 4, 8], 'int32') })), /must be float32/),
    bad('other tokens than the plan', call((w) => ({ q: w.tensor([3, 4, 8]) })), /q has 3 tokens, the plan has 2/),
    bad('heads not divisible', call((w) => ({ q: w.tensor([2, 3, 8]) })), /numHeads 3/),
  ]; // prettier-ignore
}

const splits =
  (numKvSplits: number): Call =>
  (w) =>
    decodeAttentionFwd(w.decodeQ, w.cache, decodePlan(w), { numKvSplits });

const sparse =
  (blockSparse: object): Call =>
  (w) =>
    pagedAttentionV1(w.decodeQ, w.cache, decodePlan(w), {
      blockSparse: { localBlocks: 1, vertStride: 2, blockSize: 8, ...blockSparse },
    });

const varlen =
  (change: (w: World) => object): Call =>
  (w, subject) => {
    const { q, k, v, ...options } = {
      q: w.packedQ,
      k: w.newK,
      v: w.newV,
      cuSeqlensQ: ints(0, 4, 5),
      implementation: implementationOf(subject),
      ...change(w),
    };
    return flashAttnVarlenFunc(q, k, v, options as FlashAttnVarlenOptions & { returnLse?: false });
  };

const wrong = <T>(value: unknown) => value as T;

/** Ops over pages, or over packed sequences, by the name that their messages begin with. */
export const badPageOps: Readonly<Record<string, readonly BadCall[]>> = {
  contextAttentionFwd: contextCalls(contextAttentionFwd),
  chunkedPrefillPagedDecode: contextCalls(chunkedPrefillPagedDecode),
  pagedAttentionV1: [
    ...decodeCalls(pagedAttentionV1),
    bad('a pattern whose blocks are none of the cache', sparse({ blockSize: 6 }), /blockSparse\.blockSize 6 must be a multiple.*4/),
    bad('half a stride', sparse({ vertStride: 2.5 }), /vertStride/),
    bad('a negative number of local blocks', sparse({ localBlocks: -1 }), /localBlocks/, /-1/),
    bad('half a step', sparse({ headSlidingStep: 0.5 }), /headSlidingStep/),
  ],
  pagedAttentionV2: decodeCalls(pagedAttentionV2),
  decodeAttentionFwd: [
    ...decodeCalls(decodeAttentionFwd),
    bad('no splits', splits(0), /numKvSplits/, /got 0/),
    bad('half a split', splits(1.5), /numKvSplits/, /1\.5/),
  ],
  decodeAttentionFwdNormal: [
    bad('grouped heads', (w) => decodeAttentionFwdNormal(w.decodeQ, w.cache, decodePlan(w)), /q has 4 heads, the cache 2: take decodeAttentionFwdGrouped/),
  ],
  decodeAttentionFwdGrouped: [
    bad('a head each', (w) => decodeAttentionFwdGrouped(w.tensor([2, 2, 8]), w.cache, decodePlan(w)), /take decodeAttentionFwdNormal/),
    bad('no cache', (w) => decodeAttentionFwdGrouped(w.decodeQ, wrong<KvCache>(null), wrong<AttentionPlan>(null)), /cache must be a KvCache/),
  ],
  decodeSoftmaxReducevFwd: [
    bad('states that splits do not divide', (w) => decodeSoftmaxReducevFwd({ output: w.tensor([5, 2, 8]), lse: w.tensor([5, 2]) }, 2), /5 states.*numKvSplits 2/),
    bad('no lse', (w) => decodeSoftmaxReducevFwd(wrong<AttentionResult>({ output: w.tensor([4, 2, 8]) }), 2), /lse/),
  ],
  'PagedAttention.splitKvCache': [
    bad('another shape', (w) => PagedAttention.splitKvCache(w.tensor([3, 2, 64]), 2, 8), /\[3, 2, 64\]/),
    bad('a width that heads do not divide', (w) => PagedAttention.splitKvCache(w.tensor([2, 2, 65]), 2, 8), /\[2, 2, 65\]/),
    bad('a head size that 4 does not divide', (w) => PagedAttention.splitKvCache(w.tensor([2, 2, 24]), 2, 6), /that 4 divides/),
  ],
  flashAttnVarlenFunc: [
    bad('q of rank 4', varlen((w) => ({ q: w.q })), /q must have rank 3/),
    bad('sums that end before the tokens', varlen(() => ({ cuSeqlensQ: ints(0, 4) })), /cuSeqlensQ ends with 4, there are 5/),
    bad('sums that fall', varlen(() => ({ cuSeqlensQ: ints(0, 6, 5) })), /cuSeqlensQ must not fall/),
    bad('sums that begin with 1', varlen(() => ({ cuSeqlensQ: ints(1, 5) })), /begin with 0/),
    bad('a Tensor for sums', varlen((w) => ({ cuSeqlensQ: w.tensor([3], 'int32') })), /cuSeqlensQ.*Tensor/),
    bad('other sequences of keys', varlen(() => ({ cuSeqlensK: ints(0, 5) })), /cuSeqlensK has 2 entries, cuSeqlensQ 3/),
    bad('other values than keys', varlen((w) => ({ v: w.tensor([4, 2, 8]) })), /v has 4 tokens, k has 5/),
    bad('no tokens', varlen((w) => ({ q: w.tensor([0, 4, 8]), cuSeqlensQ: ints(0, 0), cuSeqlensK: ints(0, 5) })), /q is empty/),
  ],
  packSeqTriton: [
    bad('other lengths than tokens', (w) => packSeqTriton(w.newK, ints(2, 2)), /x has 5 tokens, the lengths add up to 4/),
    bad('a negative length', (w) => packSeqTriton(w.newK, ints(6, -1)), /lengths\[1\] must be >= 0/),
    bad('no tokens', (w) => packSeqTriton(w.tensor([0, 2]), ints(0, 0)), /no token/),
    bad('a plain array', (w) => packSeqTriton(w.newK, wrong<Int32Array>([5])), /Int32Array/),
    bad('text for padding', (w) => packSeqTriton(w.newK, ints(5), wrong<number>('0')), /padValue/),
    bad('int32 tokens', (w) => packSeqTriton(w.tensor([5, 2], 'int32'), ints(5)), /x must be float32/),
  ],
  unpackSeqTriton: [
    bad('a length past the row', (w) => unpackSeqTriton(w.tensor([2, 3, 4]), ints(4, 1)), /packed \[2, 3, 4\] must have 2 rows of at least 4/),
    bad('other sequences', (w) => unpackSeqTriton(w.tensor([2, 3, 4]), ints(3, 3, 1)), /3 rows/),
    bad('rank 1', (w) => unpackSeqTriton(w.tensor([4]), ints(4)), /\[B, L, \.\.\.\]/),
  ],
}; // prettier-ignore

import {
  CapacityError,
  concatAndCacheMla,
  correctAttnOut,
  cpGatherCache,
  cpGatherIndexerKQuantCache,
  cpLseAgOutRs,
  dcpAttention,
  DisposedError,
  flashMlaSparsePrefill,
  flashMlaWithKvcache,
  Fp8DsMlaCache,
  fp8MqaLogits,
  fp8PagedMqaLogits,
  gatherAndMaybeDequantCache,
  IndexerKCache,
  indexerKQuantAndCache,
  planSlots,
  readCacheBlocks,
  reshapeAndCacheFlash,
  runInProcessGroup,
  slotAttention,
  topkIndices,
  tritonConvertReqIndexToGlobalIndex,
  writeCacheBlocks,
  type BlockLayout,
  type KvCache,
  type ScaleFormat,
} from '@tfjs-attention/core';
import { bad, type Call } from './paged.js';
import type { BadCall, World } from './world.js';

const ints = (...values: number[]) => Int32Array.from(values);
const wrong = <T>(value: unknown) => value as T;

const disposed = (what: string, call: Call): BadCall => ({
  ...bad(what, call, /cache is disposed/),
  error: DisposedError,
});
const beyond = (what: string, call: Call, ...says: RegExp[]): BadCall => ({
  ...bad(what, call, ...says),
  error: CapacityError,
});

/** With something that is freed after, whatever happens. */
function using<T extends { dispose(): void }>(make: () => T, run: (made: T, w: World) => unknown): Call {
  return (w) => {
    const made = make();
    try {
      return run(made, w);
    } finally {
      made.dispose();
    }
  };
} // prettier-ignore

const withIndexer = (run: (cache: IndexerKCache, w: World) => unknown) =>
  using(
    () => new IndexerKCache({ numBlocks: 2, blockSize: 4, headDim: 8, quantBlockSize: 8 }),
    run,
  );
const withPacked = (run: (cache: Fp8DsMlaCache, w: World) => unknown) =>
  using(() => new Fp8DsMlaCache({ numBlocks: 2, blockSize: 4 }), run);
const withSlots = (numSlots: number, run: (w: World, slots: ReturnType<typeof planSlots>) => unknown) =>
  using(() => planSlots(ints(0, 1, 2, 3, 4), 1, numSlots), (slots, w) => run(w, slots)); // prettier-ignore

/** A step on the one member of a group; 2 of 6 keys are new. */
const member =
  (change: (w: World) => object): Call =>
  (w) =>
    runInProcessGroup(1, (group) => {
      const given = { q: w.packedQ, k: w.newK, v: w.newV, cache: w.cache, plan: w.plan, options: {}, ...change(w) }; // prettier-ignore
      return dcpAttention(given.q, given.k, given.v, given.cache, given.plan, group, given.options);
    });

const logits =
  (change: (w: World) => object): Call =>
  (w) => {
    const { q, k, kScale, weights, start, end } = {
      q: w.tensor([2, 3, 8]),
      k: w.tensor([5, 8]),
      kScale: w.tensor([5]),
      weights: w.tensor([2, 3]),
      start: ints(0, 0),
      end: ints(4, 5),
      ...change(w),
    };
    return fp8MqaLogits(q, k, kScale, weights, start, end);
  };

/** Ops over chosen slots, latent caches and several members, by the name that their messages begin with. */
export const badLatentOps: Readonly<Record<string, readonly BadCall[]>> = {
  reshapeAndCacheFlash: [
    bad('fewer tokens than slots', (w) => reshapeAndCacheFlash(w.newK, w.newV, w.cache, ints(1, 2, 3, 4, 5, 6)), /key has 5 tokens, slotMapping 6/),
    bad('no slots', (w) => reshapeAndCacheFlash(w.newK, w.newV, w.cache, ints()), /slotMapping is empty/),
    bad('a tensor of slots', (w) => reshapeAndCacheFlash(w.newK, w.newV, w.cache, wrong<Int32Array>(w.tensor([5], 'int32'))), /slotMapping.*Tensor/),
    bad('a tensor for the cache', (w) => reshapeAndCacheFlash(w.newK, w.newV, wrong<KvCache>(w.k), ints(1)), /cache must be a KvCache/),
  ],
  reshapeAndCache: [
    bad('slots past the cache, without a plan', (w) => reshapeAndCacheFlash(w.newK, w.newV, w.cache, ints(1, 2, 3, 4, 24)), /slotMapping\[4\] = 24/),
    disposed('a disposed cache, without a plan', (w) => reshapeAndCacheFlash(w.newK, w.newV, w.disposedCache(), ints(1, 2, 3, 4, 5))),
  ],
  concatAndCacheMla: [
    bad('a cache of two heads', (w) => concatAndCacheMla(w.tensor([3, 6]), w.tensor([3, 2]), w.cache, ints(1, 2, 3)), /2 KV heads of 8/),
    bad('another number of rope tokens', (w) => concatAndCacheMla(w.tensor([3, 6]), w.tensor([2, 2]), w.cache, ints(1, 2, 3)), /kPe \[2, 2\]/),
    bad('two rope heads', (w) => concatAndCacheMla(w.tensor([3, 6]), w.tensor([3, 2, 2]), w.cache, ints(1, 2, 3)), /kPe \[3, 2, 2\]/),
    bad('int32 latents', (w) => concatAndCacheMla(w.tensor([3, 6], 'int32'), w.tensor([3, 2]), w.cache, ints(1, 2, 3)), /kvC must be float32/),
  ],
  Fp8DsMlaCache: [
    bad('latents of another size', withPacked((cache, w) => cache.write(w.tensor([1, 511]), w.tensor([1, 64]), ints(0))), /kvC must be \[1, 512\]/),
    bad('a rope of another size', withPacked((cache, w) => cache.write(w.tensor([1, 512]), w.tensor([1, 65]), ints(0))), /kPe must be \[1, 64\]/),
    bad('a slot past the cache', withPacked((cache) => cache.gather(ints(8))), /slots\[0\] = 8.*0 to 7/),
    bad('a block past the cache', withPacked((cache) => cache.readBlocks([2])), /block 2.*0 to 1/),
    bad('too few bytes', withPacked((cache) => cache.writeBlocks([0], new Uint8Array(10))), /2624/),
  ],
  flashMlaWithKvcache: [
    bad('q of rank 3', (w) => flashMlaWithKvcache(w.packedQ, w.cache, w.plan), /q must have rank 4/),
    bad('a cache of two heads', (w) => flashMlaWithKvcache(w.tensor([1, 5, 4, 8]), w.cache, w.plan), /one KV head.*2/),
    bad('indices and a plan', (w) => flashMlaWithKvcache(w.tensor([1, 5, 4, 8]), w.cache, w.plan, { indices: ints(1) }), /plan null/),
    bad('a causal choice', (w) => flashMlaWithKvcache(w.tensor([1, 5, 4, 8]), w.cache, null, { indices: ints(1), causal: true }), /without causal/),
    bad('indices that tokens do not divide', (w) => flashMlaWithKvcache(w.tensor([1, 5, 4, 8]), w.cache, null, { indices: ints(1) }), /1 entries.*5 tokens/),
    bad('a packed cache without indices', withPacked((cache, w) => flashMlaWithKvcache(w.tensor([1, 1, 4, 8]), cache, w.plan)), /read by indices/),
  ],
  flashMlaSparsePrefill: [
    bad('keys of another size', (w) => flashMlaSparsePrefill(w.packedQ, w.tensor([9, 1, 6]), ints(0, 1, 2, 3, 4), 1, 4), /same H/),
    bad('two KV heads', (w) => flashMlaSparsePrefill(w.packedQ, w.tensor([9, 2, 8]), ints(0, 1, 2, 3, 4), 1, 4), /\[9, 2, 8\]/),
    bad('more value lanes than key lanes', (w) => flashMlaSparsePrefill(w.packedQ, w.tensor([9, 1, 8]), ints(0, 1, 2, 3, 4), 1, 9), /dV/),
    bad('no keys', (w) => flashMlaSparsePrefill(w.packedQ, w.tensor([0, 1, 8]), ints(0, 1, 2, 3, 4), 1, 4), /neither empty/),
  ],
  planSlots: [
    bad('indices that topk does not divide', () => planSlots(ints(1, 2, 3), 2, 9), /3 entries.*topk = 2/),
    bad('no topk', () => planSlots(ints(1), 0, 9), /topk/),
    bad('a plain array', () => planSlots(wrong<Int32Array>([1]), 1, 9), /Int32Array/),
  ],
  slotAttention: [
    bad('slots of another cache', withSlots(8, (w, slots) => slotAttention(w.packedQ, w.cache, slots)), /planned for 8, the cache has 24/),
    bad('other tokens', withSlots(24, (w, slots) => slotAttention(w.tensor([4, 4, 8]), w.cache, slots)), /q has 4 tokens, the plan has 5/),
    bad('a plan for slots', (w) => slotAttention(w.packedQ, w.cache, wrong<ReturnType<typeof planSlots>>(w.plan)), /planAttention\(\)/),
    disposed('a disposed cache', withSlots(8, (w, slots) => slotAttention(w.packedQ, w.disposedCache(), slots))),
  ],
  tritonConvertReqIndexToGlobalIndex: [
    bad('a sequence without a row', () => tritonConvertReqIndexToGlobalIndex(ints(1), [[0]], ints(3), { numTopkTokens: 1 }), /reqId\[0\] = 1.*1 rows/),
    bad('too few indices', () => tritonConvertReqIndexToGlobalIndex(ints(0), [[0]], ints(3)), /tokenIndices must have 2048/),
    bad('no blocks', () => tritonConvertReqIndexToGlobalIndex(ints(0), [[0]], ints(3), { numTopkTokens: 1, blockSize: 0 }), /blockSize/),
    bad('no table', () => tritonConvertReqIndexToGlobalIndex(ints(0), wrong<number[][]>(undefined), ints(3), { numTopkTokens: 1 }), /blockTable/),
  ],
  gatherAndMaybeDequantCache: [
    bad('a start inside a block', (w) => gatherAndMaybeDequantCache(w.cache, [[1, 2]], ints(0, 2), { seqStarts: ints(3) }), /seqStarts\[0\] = 3.*block size 4/),
    bad('too few rows', (w) => gatherAndMaybeDequantCache(w.cache, [[1]], ints(0, 2, 3)), /blockTable must be 2 rows/),
    bad('a block past the cache', (w) => gatherAndMaybeDequantCache(w.cache, [[6]], ints(0, 2)), /blockTable\[0\]\[0\]/, /6/),
    bad('sums that fall', (w) => gatherAndMaybeDequantCache(w.cache, [[1], [1]], ints(0, 2, 1)), /cuSeqLens must not fall/),
    beyond('a length past its row', (w) => gatherAndMaybeDequantCache(w.cache, [[1]], ints(0, 5)), /ends at position 5/),
    disposed('a disposed cache', (w) => gatherAndMaybeDequantCache(w.disposedCache(), [[1]], ints(0, 2))),
  ],
  cpGatherCache: [
    bad('a negative start', (w) => cpGatherCache(w.cache, [[1]], ints(0, 2), { seqStarts: ints(-1) }), /seqStarts\[0\]/, /-1/),
    beyond('a start past its row', (w) => cpGatherCache(w.cache, [[1]], ints(0, 2), { seqStarts: ints(3) }), /ends at position 5/),
  ],
  readCacheBlocks: [
    bad('an unknown layout', (w) => readCacheBlocks(w.cache, [0], wrong<BlockLayout>('DNH')), /'DNH'.*NHD, HND, paged/),
    bad('a block past the cache', (w) => readCacheBlocks(w.cache, [6], 'HND'), /block 6.*0 to 5/),
    bad('one block', (w) => readCacheBlocks(w.cache, wrong<number[]>(3), 'HND'), /array of block ids/),
    disposed('a disposed cache', (w) => readCacheBlocks(w.disposedCache(), [0], 'HND')),
  ],
  writeCacheBlocks: [
    bad('too few bytes', (w) => writeCacheBlocks(w.cache, [0], { key: new Uint8Array(4), value: new Uint8Array(4) }, 'HND'), /key must have 256 bytes.*got 4/),
    bad('no bytes', (w) => writeCacheBlocks(w.cache, [0], wrong<never>(undefined), 'NHD'), /key must have 256 bytes/),
  ],
  IndexerKCache: [
    bad('groups that lanes do not fill', () => new IndexerKCache({ numBlocks: 2, headDim: 100, quantBlockSize: 64 }), /64 must divide headDim 100/),
    bad('no lanes', () => new IndexerKCache({ numBlocks: 2, headDim: 0 }), /headDim/),
  ],
  indexerKQuantAndCache: [
    bad('another number of lanes', withIndexer((cache, w) => indexerKQuantAndCache(w.tensor([1, 7]), cache, ints(0))), /k must be \[T, 8\]/),
    bad('an unknown format', withIndexer((cache, w) => indexerKQuantAndCache(w.tensor([1, 8]), cache, ints(0), wrong<ScaleFormat>('e8'))), /'e8'/),
    bad('another cache', (w) => indexerKQuantAndCache(w.tensor([1, 8]), wrong<IndexerKCache>(w.cache), ints(0)), /must be an IndexerKCache/),
  ],
  cpGatherIndexerKQuantCache: [
    bad('a block past the cache', withIndexer((cache) => cpGatherIndexerKQuantCache(cache, [[2]], ints(0, 1))), /blockTable\[0\]\[0\]/),
    beyond('a length past its row', withIndexer((cache) => cpGatherIndexerKQuantCache(cache, [[1]], ints(0, 5))), /position 5/),
  ],
  fp8MqaLogits: [
    bad('keys of another size', logits((w) => ({ k: w.tensor([5, 7]) })), /k \[5, 7\]/),
    bad('other scales', logits((w) => ({ kScale: w.tensor([4]) })), /kScale \[4\]/),
    bad('other weights', logits((w) => ({ weights: w.tensor([3, 2]) })), /weights must be \[2, 3\]/),
    bad('other spans', logits(() => ({ end: ints(1) })), /kEnd must have 2 entries/),
  ],
  fp8PagedMqaLogits: [
    bad('a context shorter than its queries', withIndexer((cache, w) => fp8PagedMqaLogits(w.tensor([1, 2, 3, 8]), cache, w.tensor([2, 3]), ints(1), [[0]], 9)), /contextLens\[0\] = 1/),
    bad('a context longer than the model', withIndexer((cache, w) => fp8PagedMqaLogits(w.tensor([1, 2, 3, 8]), cache, w.tensor([2, 3]), ints(8), [[0, 1]], 7)), /maxModelLen 7/),
  ],
  topkIndices: [
    bad('logits of rank 1', (w) => topkIndices(w.tensor([4]), 2), /rank 2/),
    bad('no topk', (w) => topkIndices(w.tensor([2, 4]), 0), /topk/),
  ],
  correctAttnOut: [
    bad('another number of rows', (w) => correctAttnOut(w.packedQ, w.tensor([2, 4, 4]), 0), /\[2, 4, 4\].*\[5, 4, 8\]/),
    bad('a rank that is none', (w) => correctAttnOut(w.packedQ, w.tensor([2, 5, 4]), 2), /cpRank/),
    bad('lse of rank 2', (w) => correctAttnOut(w.packedQ, w.tensor([5, 4]), 0), /lses must have rank 3/),
  ],
  cpLseAgOutRs: [
    bad('heads that members do not divide', (w) => runInProcessGroup(3, (group) => cpLseAgOutRs(w.packedQ, w.tensor([5, 4]), group)), /4 heads.*3 members/),
    bad('another lse', (w) => runInProcessGroup(2, (group) => cpLseAgOutRs(w.packedQ, w.tensor([4, 5]), group)), /lse \[4, 5\]/),
  ],
  dcpAttention: [
    bad('a tensor for the cache', member((w) => ({ cache: w.k })), /cache must be a KvCache/),
    bad('keys of other heads', member((w) => ({ k: w.tensor([5, 4, 8]) })), /k \[5, 4, 8\] must have the 2 heads of 8/),
    bad('no turns', member(() => ({ options: { interleave: 0 } })), /interleave/),
    bad('more new tokens than keys', member((w) => ({ plan: w.planWith({ seqLens: ints(3, 6) }) })), /sequence 0 has more new tokens than its 3 keys/),
    disposed('a disposed cache', member((w) => ({ cache: w.disposedCache() }))),
  ],
}; // prettier-ignore

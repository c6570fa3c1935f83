import * as tf from '@tensorflow/tfjs-core';
import {
  concatAndCacheMla,
  flashMlaSparsePrefill,
  flashMlaWithKvcache,
  Fp8DsMlaCache,
  gatherAndMaybeDequantCache,
  isFlashmlaDenseSupported,
  isFlashmlaSparseSupported,
  tritonConvertReqIndexToGlobalIndex,
} from '@tfjs-attention/core';
import { describePaged } from '@tfjs-attention/core/reference';
import { assertSame } from '../assert.js';
import { inScope } from '../in_scope.js';
import {
  expectedChosen,
  latentCache,
  latentPlan,
  makeLatent,
  type LatentCase,
  type LatentData,
} from '../ops/latent.js';
import { prefixSums } from '../paged_case.js';
import { implementationOf, type Spec } from '../subject.js';
import { assertExpected, expectedOf } from '../tolerance.js';
import { pairwise, titleOf } from './grid.js';

const AXES = {
  heads: [16, 32],
  queries: [1, 2],
  causal: [false, true],
  dtype: ['float32', 'bfloat16', 'fp8_e4m3', 'int8_per_token_head'],
} as const;

const SPARSE_AXES = {
  heads: [16, 128],
  queries: [1, 3],
  topk: [4, 33],
  cache: ['float32', 'bfloat16', 'fp8_ds_mla'],
} as const; // prettier-ignore

const SEQ_LENS = [23, 64, 3] as const;

/** The tokens of every sequence as latent and rope parts, as a layer has them. */
function store(data: LatentData, cache: Parameters<typeof concatAndCacheMla>[2]): void {
  const [headSize, valueHeadSize] = data.size;
  tf.tidy(() => {
    const kv = tf.tensor2d(data.kv, [data.slots.length, headSize]);
    const [kvC, kPe] = tf.split(kv, [valueHeadSize, headSize - valueHeadSize], 1);
    concatAndCacheMla(kvC, tf.expandDims(kPe, 1), cache, data.slots);
  });
}

const queriesOf = (c: LatentCase, { q, size }: LatentData) =>
  tf.tensor4d(q, [c.seqLens.length, c.queries, c.heads, size[0]]);

/** lse `[B, N, Sq]` as the oracle has it, `[B * Sq, N]`. */
const byToken = (lse: tf.Tensor, heads: number) =>
  tf.reshape(tf.transpose(lse, [0, 2, 1]), [-1, heads]);

/** Dense latent attention, `ref_mla`: the value is the first lanes of the key. */
function denseSpec(point: ReturnType<typeof pairwise<typeof AXES>>[number]): Spec {
  const c: LatentCase = {
    name: titleOf('test_flashmla', 'flash_mla_with_kvcache', AXES, point),
    seqLens: SEQ_LENS,
    queries: point.queries,
    heads: point.heads,
    blockSize: 16,
    dtype: point.dtype,
    topk: 1,
  };
  return {
    name: c.name,
    run: (subject) =>
      inScope(async () => {
        const data = makeLatent(c);
        const cache = latentCache(c, data);
        store(data, cache);
        const first = prefixSums(c.seqLens);
        const { key, value } = gatherAndMaybeDequantCache(cache, data.rows, first);
        const [keys, values] = [await key.data(), await value.data()];
        const plan = latentPlan(c, data);
        const { causal } = point;
        const q = queriesOf(c, data);
        const packed = tf.reshape(q, [-1, c.heads, data.size[0]]);
        const { problem } = describePaged('conformance', packed, cache.layout, plan, { causal });
        const [headSize, valueHeadSize] = data.size;
        const expected = expectedOf(problem, {
          q: data.q,
          key: (b, j, _, lane) => keys[(first[b] + j) * headSize + lane],
          value: (b, j, _, lane) => values[(first[b] + j) * valueHeadSize + lane],
        });
        const implementation = implementationOf(subject);
        const { output, lse } = flashMlaWithKvcache(q, cache, plan, { causal, implementation });
        assertSame('shape', output.shape, [3, c.queries, c.heads, valueHeadSize]);
        const actual = { output: await output.data(), lse: await byToken(lse, c.heads).data() };
        cache.dispose();
        plan.dispose();
        assertExpected(actual, expected);
      }),
  };
}

/** Chosen tokens only, out of each kind of cache and out of a tensor. */
function sparseSpec(point: ReturnType<typeof pairwise<typeof SPARSE_AXES>>[number]): Spec {
  const isPacked = point.cache === 'fp8_ds_mla';
  const c: LatentCase = {
    name: titleOf('test_flashmla_sparse', 'chosen tokens', SPARSE_AXES, point),
    seqLens: SEQ_LENS,
    queries: point.queries,
    heads: point.heads,
    blockSize: 16,
    topk: point.topk,
    ...(point.cache !== 'fp8_ds_mla' && { dtype: point.cache }),
  };
  return {
    name: c.name,
    run: (subject) =>
      inScope(async () => {
        const data = makeLatent(c);
        const { numBlocks } = data;
        const cache = isPacked
          ? new Fp8DsMlaCache({ numBlocks, blockSize: c.blockSize })
          : latentCache(c, data);
        store(data, cache);
        const kv =
          cache instanceof Fp8DsMlaCache
            ? cache.gather(data.slots)
            : gatherAndMaybeDequantCache(cache, data.rows, prefixSums(c.seqLens)).key;
        const read = await kv.data();
        const indices = tritonConvertReqIndexToGlobalIndex(data.reqId, data.rows, data.chosen, {
          blockSize: c.blockSize,
          numTopkTokens: c.topk,
        });
        const implementation = implementationOf(subject);
        const q = queriesOf(c, data);
        const { output, lse } = flashMlaWithKvcache(q, cache, null, { indices, implementation });
        const actual = { output: await output.data(), lse: await byToken(lse, c.heads).data() };
        cache.dispose();
        assertExpected(actual, expectedChosen(c, data, read));
      }),
  };
}

const PREFILL: LatentCase = {
  name: 'upstream test_flashmla_sparse: flash_mla_sparse_prefill over rows of a tensor, lse in powers of 2',
  seqLens: [40],
  queries: 5,
  heads: 8,
  blockSize: 1,
  size: [48, 32],
  topk: 12,
};

const prefill: Spec = {
  name: PREFILL.name,
  run: () =>
    inScope(async () => {
      const data = makeLatent(PREFILL);
      const q = tf.tensor3d(data.q, [5, 8, 48]);
      const kv = tf.tensor3d(data.kv, [40, 1, 48]);
      const indices = data.chosen.map((row) => (row < 0 ? 40 : row));
      const { output, lse } = flashMlaSparsePrefill(q, kv, indices, 0.3, 32);
      const natural = tf.mul(lse, Math.LN2);
      const expected = expectedChosen(PREFILL, data, data.kv, 0.3);
      assertExpected({ output: await output.data(), lse: await natural.data() }, expected, 2);
    }),
};

const supported: Spec = {
  name: 'isFlashmlaDenseSupported: the kernels take latent caches, composed ops are no kernels',
  fusedOnly: true,
  run: () => {
    assertSame('dense', [Number(isFlashmlaDenseSupported()[0])], [1]);
    assertSame('sparse', [Number(isFlashmlaSparseSupported()[0])], [1]);
  },
};

/** vLLM's `test_flashmla.py` and `test_flashmla_sparse.py`, with the oracle's numbers where upstream only has shapes. */
export function flashmla(): Spec[] {
  return [
    ...pairwise(AXES).map(denseSpec),
    ...pairwise(SPARSE_AXES).map(sparseSpec),
    prefill,
    supported,
  ];
}

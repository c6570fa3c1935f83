// @page {"devices": ["webgl"]}
// Half-float textures: tensors lose bits between ops, the kernels still add up in float32.
import * as tf from '@tensorflow/tfjs-core';
import '@tfjs-attention/backend-webgl';
import {
  flashAttention,
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
} from '@tfjs-attention/core';
import { expectClose, pageTest } from '../page_test.js';
import { setWebGlBackend } from '../webgl.js';

/** Inputs and outputs are rounded to 11 bits, once each; some drivers round towards zero. */
const TOLERANCE = 8 * 2 ** -11;

/** Single-head causal attention in float64 over inputs as half floats hold them. */
function expectedOf(q: Float32Array, k: Float32Array, v: Float32Array, size: number): number[] {
  const row = (x: Float32Array, i: number) => x.subarray(i * size, (i + 1) * size);
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i], 0);
  return Array.from({ length: q.length / size }, (_, i) => i).flatMap((i) => {
    const weights = Array.from({ length: i + 1 }, (_, j) =>
      Math.exp(dot(row(q, i), row(k, j)) / Math.sqrt(size)),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return Array.from({ length: size }, (_, lane) =>
      weights.reduce((sum, weight, j) => sum + (weight / total) * v[j * size + lane], 0),
    );
  });
}

const LENGTH = 90;
const SIZE = 16;

async function inputs() {
  await setWebGlBackend({ WEBGL_FORCE_F16_TEXTURES: true });
  const tensors = [1, 2, 3].map((seed) =>
    tf.randomNormal([LENGTH, 1, SIZE], 0, 1, 'float32', seed),
  );
  const [q, k, v] = tensors as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D];
  const host = await Promise.all(tensors.map((x) => x.data<'float32'>()));
  return { q, k, v, expected: expectedOf(host[0], host[1], host[2], SIZE) };
}

pageTest('dense attention', async () => {
  const { q, k, v, expected } = await inputs();
  const batch = (x: tf.Tensor) => tf.expandDims(x, 0);
  const out = flashAttention(batch(q), batch(k), batch(v), {
    causal: true,
    implementation: 'FUSED',
  });
  expectClose(await out.data(), expected, TOLERANCE);
});

pageTest('a paged float32 cache', async () => {
  const { q, k, v, expected } = await inputs();
  const spec = new FullAttentionSpec({ blockSize: 16, numKvHeads: 1, headSize: SIZE });
  const cache = new KvCache(spec, { numBlocks: 6 });
  const plan = planAttention({
    queryStartLoc: Int32Array.of(0, LENGTH),
    seqLens: Int32Array.of(LENGTH),
    blockTables: [[5, 3, 0, 1, 2, 4]],
    slotMapping: Int32Array.from({ length: LENGTH }, (_, j) => {
      return [5, 3, 0, 1, 2, 4][j >> 4] * 16 + (j & 15);
    }),
  });
  reshapeAndCache(k, v, cache, plan);
  const out = pagedAttention(q, cache, plan, { implementation: 'FUSED' });
  expectClose(await out.data(), expected, TOLERANCE);
});

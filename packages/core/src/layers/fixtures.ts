// What tests of layers share.
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect } from '@jest/globals';
import type { VllmConfig } from '../config.js';
import { withForwardContext } from '../forward_context.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import type { AttentionKvCacheSpec } from '../kv_cache/spec.js';
import {
  CommonAttentionMetadata,
  type CommonAttentionMetadataOptions,
} from '../metadata/common_attention_metadata.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import type { Attention } from './attention.js';

export const ARGS = { numHeads: 4, headSize: 3, numKvHeads: 2, valueHeadSize: 5 };

/** float32 normals; the same seed gives the same numbers. */
export function random(shape: number[], seed: number): tf.Tensor {
  return tf.randomNormal(shape, 0, 1, 'float32', seed);
}

/** q `[T, 4, 3]`, k `[T, 2, 3]`, v `[T, 2, 5]` of one sequence. */
export function tokens(numTokens: number, seed = 1): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const { numHeads, headSize, numKvHeads, valueHeadSize } = ARGS;
  return [
    random([numTokens, numHeads, headSize], seed),
    random([numTokens, numKvHeads, headSize], seed + 1),
    random([numTokens, numKvHeads, valueHeadSize], seed + 2),
  ];
}

/** Rows [from, to). */
export function rows<T extends readonly tf.Tensor[]>(tensors: T, from: number, to: number): T {
  return tensors.map((x) => tf.slice(x, [from], [to - from])) as readonly tf.Tensor[] as T;
}

/**
 * Attention by its definition, in float64: query i of `[Q, N, H]` over those keys j of `[S, K, H]` that it sees, values
 * `[S, K, Hv]`. A row that sees nothing is 0.
 */
export function byDefinition(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  sees: (query: number, key: number) => boolean,
): tf.Tensor {
  const [queries, heads, size] = q.shape;
  const [numKeys, kvHeads, valueSize] = v.shape;
  const [qs, ks, vs] = [q, k, v].map((x) => x.dataSync());
  const out = new Float32Array(queries * heads * valueSize);
  for (let i = 0; i < queries; i++) {
    for (let n = 0; n < heads; n++) {
      const kv = Math.floor(n / (heads / kvHeads));
      const score = (j: number) => {
        let sum = 0;
        for (let lane = 0; lane < size; lane++) {
          sum += qs[(i * heads + n) * size + lane] * ks[(j * kvHeads + kv) * size + lane];
        }
        return sum / Math.sqrt(size);
      };
      const seen = Array.from({ length: numKeys }, (_, j) => j).filter((j) => sees(i, j));
      const weights = seen.map((j) => Math.exp(score(j)));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let lane = 0; lane < valueSize; lane++) {
        const at = (i * heads + n) * valueSize + lane;
        seen.forEach((j, s) => {
          out[at] += (weights[s] / total) * vs[(j * kvHeads + kv) * valueSize + lane];
        });
      }
    }
  }
  return tf.tensor(out, [queries, heads, valueSize]);
}

export function expectSame(actual: unknown, expected: tf.Tensor, within = 2e-6): void {
  const tensor = actual as tf.Tensor;
  expect(tensor.shape).toEqual(expected.shape);
  const distance = tf.tidy(() => tf.max(tf.abs(tf.sub(tensor, expected))).dataSync()[0]);
  expect(distance).toBeLessThan(within);
}

/** Serialised, read back as loadLayersModel does, and compared on the same input. */
export async function expectSurvives(
  model: tfl.LayersModel,
  input: tf.Tensor | tf.Tensor[],
): Promise<tfl.LayersModel> {
  let saved: tf.io.ModelArtifacts = {};
  await model.save({
    save: (artifacts: tf.io.ModelArtifacts) => {
      saved = JSON.parse(JSON.stringify({ ...artifacts, weightData: undefined })) as typeof saved;
      saved.weightData = artifacts.weightData;
      return Promise.resolve({} as tf.io.SaveResult);
    },
  });
  const loaded = await tfl.loadLayersModel({ load: () => Promise.resolve(saved) });
  expectSame(loaded.predict(input), model.predict(input) as tf.Tensor);
  return loaded;
}

export function vllmConfig(changes: Partial<VllmConfig> = {}): VllmConfig {
  return {
    cacheConfig: { blockSize: 2, cacheDtype: 'auto' },
    modelConfig: { maxModelLen: 64, dtype: 'float32' },
    schedulerConfig: { maxNumBatchedTokens: 64, maxNumSeqs: 4, maxNumEncoderInputTokens: 16 },
    ...changes,
  };
}

/** One request of which tokens [from, to) are computed, in the given blocks. */
export function step(
  from: number,
  to: number,
  blocks: readonly number[],
  blockSize = 2,
  changes: Partial<CommonAttentionMetadataOptions> = {},
): CommonAttentionMetadata {
  const slot = (i: number) => blocks[Math.floor(i / blockSize)] * blockSize + (i % blockSize);
  return new CommonAttentionMetadata({
    queryStartLoc: Int32Array.of(0, to - from),
    seqLens: Int32Array.of(to),
    blockTable: Int32Array.from(blocks),
    slotMapping: Int32Array.from({ length: to - from }, (_, i) => slot(from + i)),
    ...changes,
  });
}

/** A step as the layer's own builder makes it. */
export function build(layer: Attention, common: CommonAttentionMetadata, config = vllmConfig()) {
  const spec = layer.getKvCacheSpec(config);
  const Builder = layer.getAttnBackend().getBuilderCls();
  if (spec === null) throw new Error('the layer has no cache');
  return new Builder(spec, [layer.name], config).build(0, common);
}

/** Runs tokens in steps that end at `ends`, in shuffled blocks of 2. */
export function inSteps(
  layer: Attention,
  all: readonly tf.Tensor[],
  ends: number[],
  changes: Parameters<typeof step>[4] = {},
): tf.Tensor {
  const config = vllmConfig();
  const spec = layer.getKvCacheSpec(config) as AttentionKvCacheSpec;
  const cache = new KvCache(spec, { numBlocks: 9 });
  const parts = ends.map((to, i) => {
    const from = ends[i - 1] ?? 0;
    const attnMetadata = build(layer, step(from, to, [7, 2, 5, 3, 8, 1, 4, 6], 2, changes), config);
    const context = { attnMetadata, kvCaches: { [layer.name]: cache } };
    const out = withForwardContext(context, () => layer.apply([...rows(all, from, to)]));
    (attnMetadata as AttentionPlan).dispose();
    return out as tf.Tensor;
  });
  cache.dispose();
  return tf.concat(parts);
}

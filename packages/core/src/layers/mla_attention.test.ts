import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { input, loadLayersModel, model as makeModel, type layers } from '@tensorflow/tfjs-layers';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { MLACommonMetadata } from '../backends/mla/metadata.js';
import type { VllmConfig } from '../config.js';
import { withForwardContext } from '../forward_context.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { CommonAttentionMetadata } from '../metadata/common_attention_metadata.js';
import { planAttention, type AttentionPlan } from '../utils/plan_attention.js';
import { random } from './fixtures.js';
import { MLAAttention } from './mla_attention.js';

const SIZES = { numHeads: 2, qkNopeHeadDim: 6, qkRopeHeadDim: 4, vHeadDim: 5, kvLoraRank: 8 };
const CONFIG: VllmConfig = {
  cacheConfig: { blockSize: 4, cacheDtype: 'auto' },
  modelConfig: { maxModelLen: 64, dtype: 'float32' },
  schedulerConfig: { maxNumBatchedTokens: 32, maxNumSeqs: 4 },
};
const TOKENS = 11;
const BLOCKS = [3, 1, 2];

let layer: MLAAttention;
let cache: KvCache;

beforeAll(async () => {
  await tf.setBackend('cpu');
});

beforeEach(() => {
  layer = new MLAAttention({ ...SIZES, name: `mla_${Math.random()}` });
  cache = new KvCache(layer.getKvCacheSpec(CONFIG), { numBlocks: 4 });
});

afterEach(() => {
  layer.dispose();
  cache.dispose();
});

const inputs = (): tf.Tensor[] => [
  random([TOKENS, SIZES.numHeads * 10], 1),
  random([TOKENS, SIZES.kvLoraRank], 2),
  random([TOKENS, SIZES.qkRopeHeadDim], 3),
];
const slot = (i: number) => BLOCKS[Math.floor(i / 4)] * 4 + (i % 4);

function step(from: number, to: number) {
  return {
    queryStartLoc: Int32Array.of(0, to - from),
    seqLens: Int32Array.of(to),
    blockTables: [BLOCKS],
    slotMapping: Int32Array.from({ length: to - from }, (_, i) => slot(from + i)),
  };
}

function run(
  tensors: tf.Tensor[],
  from: number,
  to: number,
  attnMetadata: AttentionPlan,
): tf.Tensor {
  const part = tensors.map((x) => tf.slice(x, [from], [to - from]));
  const context = { attnMetadata, kvCaches: { [layer.name]: cache } };
  return withForwardContext(context, () => layer.apply(part) as tf.Tensor);
}

function expectClose(actual: tf.Tensor, expected: tf.Tensor, most = 1e-5): void {
  expect(actual.shape).toEqual(expected.shape);
  const difference = tf.max(tf.abs(tf.sub(actual, expected))).dataSync()[0];
  expect(difference).toBeLessThan(most);
}

/** The definition, head by head, in float64. */
function definition([q, kvC, kPe]: tf.Tensor[]): number[] {
  const [qs, cs, rs] = [q, kvC, kPe].map((x) => x.arraySync() as number[][]);
  const w = layer.kvBKernel().arraySync() as number[][];
  const { numHeads, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V } = SIZES;
  const column = (c: number[], at: number) => c.reduce((sum, x, l) => sum + x * w[l][at], 0);
  const out: number[] = [];
  for (let t = 0; t < TOKENS; t++) {
    for (let n = 0; n < numHeads; n++) {
      const query = qs[t].slice(n * (P + R), (n + 1) * (P + R));
      const scores = Array.from({ length: t + 1 }, (_, j) => {
        const nope = Array.from({ length: P }, (_, p) => column(cs[j], n * (P + V) + p));
        const dot = [...nope, ...rs[j]].reduce((sum, x, i) => sum + x * query[i], 0);
        return dot / Math.sqrt(P + R);
      });
      const top = Math.max(...scores);
      const weights = scores.map((s) => Math.exp(s - top));
      const total = weights.reduce((sum, x) => sum + x);
      for (let v = 0; v < V; v++) {
        const value = (j: number) => column(cs[j], n * (P + V) + P + v);
        out.push(weights.reduce((sum, weight, j) => sum + weight * value(j), 0) / total);
      }
    }
  }
  return out;
}

describe('latent attention', () => {
  test('dense is what the definition says', () => {
    const tensors = inputs();
    const out = layer.apply(tensors.map((x) => tf.expandDims(x, 0))) as tf.Tensor;
    expect(out.shape).toEqual([1, TOKENS, 10]);
    expectClose(tf.squeeze(out, [0]), tf.tensor2d(definition(tensors), [TOKENS, 10]));
  });

  test('absorbed, expanded, and expanded in turns over its context agree with it', () => {
    const tensors = inputs();
    layer.build([]);
    const expected = tf.tensor2d(definition(tensors), [TOKENS, 10]);
    const absorbed = planAttention(step(0, TOKENS));
    expectClose(run(tensors, 0, TOKENS, absorbed), expected);
    const expanded = new MLACommonMetadata(step(0, TOKENS));
    expectClose(run(tensors, 0, TOKENS, expanded), expected);
    expect(expanded.prefill?.chunkedContext).toBeNull();
    for (const workspaceSize of [4, 8, 64]) {
      const turns = new MLACommonMetadata({ ...step(7, TOKENS), workspaceSize, blockSize: 4 });
      expect(turns.prefill?.chunkedContext?.chunks).toHaveLength(workspaceSize === 4 ? 2 : 1);
      expectClose(run(tensors, 7, TOKENS, turns), tf.slice(expected, [7], [TOKENS - 7]));
    }
    const decode = new MLACommonMetadata({ ...step(10, TOKENS), numDecodes: 1 });
    expect(decode.prefill).toBeNull();
    expectClose(run(tensors, 10, TOKENS, decode), tf.slice(expected, [10], [1]));
  });

  test('a builder splits decodes and prefills', () => {
    const Builder = layer.getAttnBackend().getBuilderCls();
    const spec = layer.getKvCacheSpec(CONFIG);
    const built = new Builder(spec, [layer.name], CONFIG).build(
      0,
      new CommonAttentionMetadata({
        queryStartLoc: Int32Array.of(0, 1, 4),
        seqLens: Int32Array.of(9, 3),
        blockTable: Int32Array.of(3, 1, 2, 0, -1, -1),
        slotMapping: Int32Array.of(8, 0, 1, 2),
      }),
    ) as MLACommonMetadata;
    expect(built).toMatchObject({ numDecodes: 1, numPrefills: 1, headDim: 12, numReqs: 2 });
    expect(built.prefill?.chunkedContext).toBeNull();
    expect(Array.from(built.decode?.seqLens ?? [])).toEqual([9]);
    built.dispose();
  });

  test('the latent is stored once', () => {
    expect(cache.memory().bytes).toBe(4 * 4 * 12 * 4);
    expect(layer.getKvCacheSpec(CONFIG).pageSizeBytes()).toBe(4 * 12 * 4);
  });

  test('a weight that changes is cut anew', () => {
    const tensors = inputs();
    layer.build([]);
    const plan = planAttention(step(0, TOKENS));
    const before = run(tensors, 0, TOKENS, plan);
    layer.setWeights(layer.getWeights().map((w) => tf.mul(w, 2)));
    const after = run(tensors, 0, TOKENS, plan);
    expectClose(after, tf.tensor2d(definition(tensors), [TOKENS, 10]));
    expect(tf.max(tf.abs(tf.sub(before, after))).dataSync()[0]).toBeGreaterThan(0.1);
  });

  test('leaves no tensor behind', () => {
    const tensors = inputs();
    const plan = planAttention(step(0, TOKENS));
    run(tensors, 0, TOKENS, plan).dispose();
    const { numTensors } = tf.memory();
    tf.tidy(() => {
      run(tensors, 0, TOKENS, plan);
    });
    expect(tf.memory().numTensors).toBe(numTensors);
  });

  test('learns: its gradient is that of the finite difference', () => {
    const tensors = inputs().map((x) => tf.expandDims(x, 0));
    layer.build([]);
    const [weight] = layer.trainableWeights;
    const loss = () => tf.sum<tf.Scalar>(tf.square(layer.apply(tensors) as tf.Tensor));
    const { grads } = tf.variableGrads(loss);
    const gradient = Object.values(grads)[0].dataSync();
    const values = weight.read().dataSync().slice();
    const shifted = (by: number) => {
      const moved = values.slice();
      moved[5] += by;
      weight.write(tf.tensor(moved, weight.shape as number[]));
      return loss().dataSync()[0];
    };
    expect(gradient[5]).toBeCloseTo((shifted(1e-2) - shifted(-1e-2)) / 2e-2, 1);
  });
});

test('a model is saved and read', async () => {
  const nodes = [20, 8, 4].map((size) => input({ shape: [null, size] }));
  const mla = new MLAAttention({ ...SIZES, name: 'saved', attnBackend: 'COMPOSED' });
  const outputs = mla.apply(nodes) as layers.Layer['output'];
  const first = makeModel({ inputs: nodes, outputs });
  expect(first.outputs[0].shape).toEqual([null, null, 10]);
  let artifacts: tf.io.ModelArtifacts = {};
  await first.save(
    tf.io.withSaveHandler((saved) => {
      artifacts = saved;
      const modelArtifactsInfo = { dateSaved: new Date(0), modelTopologyType: 'JSON' as const };
      return Promise.resolve({ modelArtifactsInfo });
    }),
  );
  const second = await loadLayersModel(tf.io.fromMemory(artifacts));
  const values = inputs().map((x) => tf.expandDims(x, 0));
  expectClose(second.predict(values) as tf.Tensor, first.predict(values) as tf.Tensor);
  expect((second.getLayer('saved') as MLAAttention).config).toEqual(mla.config);
  first.dispose();
  second.dispose();
});

describe('refuses', () => {
  test.each([
    [{ numHeads: 0 }, /numHeads/],
    [{ kvLoraRank: 2.5 }, /kvLoraRank/],
    [{ scale: NaN }, /scale/],
    [{ useSparse: true }, /useSparse and indexer come together/],
    [{ attnBackend: 'NOPE' }, /not one of/],
    [{ qLoraRank: 0 }, /qLoraRank/],
  ])('%j', (args, message) => {
    expect(() => new MLAAttention({ ...SIZES, ...args } as never)).toThrow(message);
  });

  test('inputs of other shapes', () => {
    const [q, c, r] = inputs();
    expect(() => layer.apply([q, c])).toThrow(/inputs must be \[q, kvCNormed, kPe\]/);
    expect(() => layer.apply([q, tf.zeros([11, 9]), r])).toThrow(/L = 8/);
    expect(() => layer.apply([tf.zeros([11, 19]), c, r])).toThrow(/q must be \[11, 20\]/);
    expect(() => layer.apply([q, c, tf.zeros([11, 2, 4])])).toThrow(/kPe must be/);
  });

  test('a cache of another kind', () => {
    const plan = planAttention(step(0, TOKENS));
    cache.dispose();
    cache = new KvCache(new MLAAttention({ ...SIZES, kvLoraRank: 10 }).getKvCacheSpec(CONFIG), {
      numBlocks: 4,
    });
    expect(() => run(inputs(), 0, TOKENS, plan)).toThrow(/headSize 12 and valueHeadSize 8, got 14/);
  });
});

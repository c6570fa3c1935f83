import { beforeAll, describe, expect, test } from '@jest/globals';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs';
import '@tfjs-attention/backend-cpu';
import {
  CachedMultiHeadAttention,
  GroupedQueryAttention,
  MultiHeadAttention,
  type MultiHeadAttentionArgs,
} from './index.js';

const ARGS: MultiHeadAttentionArgs = { numHeads: 2, keyDim: 4 };

beforeAll(() => tf.setBackend('cpu'));

/** Through the JSON that `model.save` writes. */
async function reloaded(model: tf.LayersModel): Promise<tf.LayersModel> {
  let saved: tf.io.ModelArtifacts = {};
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      saved = JSON.parse(JSON.stringify({ ...artifacts, weightData: null })) as typeof saved;
      saved.weightData = artifacts.weightData;
      return Promise.resolve({
        modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts),
      });
    }),
  );
  return tf.loadLayersModel(tf.io.fromMemory(saved));
}

const values = (x: unknown) => Array.from((x as tf.Tensor).dataSync());

function expectSame(a: unknown, b: unknown): void {
  const [left, right] = [values(a), values(b)];
  expect(left).toHaveLength(right.length);
  expect(Math.max(...left.map((x, i) => Math.abs(x - right[i])))).toBeLessThan(1e-5);
}

describe('in a model', () => {
  test('every option survives saving and loading', async () => {
    const x = tf.input({ shape: [5, 6] });
    const memory = tf.input({ shape: [7, 8] });
    const mask = tf.input({ shape: [5, 7] });
    const mha = new MultiHeadAttention({
      ...ARGS,
      name: 'mha',
      valueDim: 3,
      outputShape: [6],
      useGate: true,
      slidingWindow: 4,
      useCausalMask: true,
      returnAttentionScores: true,
      kernelInitializer: 'heNormal',
      biasInitializer: tf.initializers.constant({ value: 0.25 }),
      kernelRegularizer: tf.regularizers.l2({ l2: 0.5 }),
      // Never met: tfjs applies a constraint to the weights that it loads.
      kernelConstraint: tf.constraints.maxNorm({ maxValue: 100 }),
      seed: 3,
    });
    const [y, scores] = mha.apply([x, memory, memory, mask]) as tf.SymbolicTensor[];
    expect([y.shape, scores.shape]).toEqual([
      [null, 5, 6],
      [null, 2, 5, 7],
    ]);
    const grouped = new GroupedQueryAttention({
      headDim: 2,
      numQueryHeads: 4,
      numKeyValueHeads: 2,
    });
    const model = tf.model({
      inputs: [x, memory, mask],
      outputs: [grouped.apply(y) as tf.SymbolicTensor, scores],
    });
    const again = await reloaded(model);
    const [read, written] = [again.getLayer('mha'), mha].map((layer) =>
      JSON.stringify(layer.getConfig(), (_, value: unknown) => value ?? null),
    );
    expect(read).toBe(written);
    const inputs = [
      tf.randomNormal([2, 5, 6]),
      tf.randomNormal([2, 7, 8]),
      tf.randomUniform([2, 5, 7]).greater(0.3),
    ];
    const [before, after] = [model, again].map((m) => m.predict(inputs) as tf.Tensor[]);
    before.forEach((output, i) => expectSame(output, after[i]));
  });

  test('a tensor that comes twice outlives its use', async () => {
    const x = tf.input({ shape: [4, 6] });
    const inner = tf.layers.dense({ units: 6 }).apply(x) as tf.SymbolicTensor;
    const self = new MultiHeadAttention(ARGS).apply([inner, inner, inner]) as tf.SymbolicTensor;
    const crossed = new MultiHeadAttention(ARGS).apply([self, inner, self]) as tf.SymbolicTensor;
    const sum = tf.layers.add().apply([inner, self, crossed]) as tf.SymbolicTensor;
    const model = tf.model({ inputs: x, outputs: sum });
    const again = await reloaded(model);
    const input = tf.randomNormal([2, 4, 6]);
    expectSame(model.predict(input), again.predict(input));
  });

  test('named inputs become positional ones', () => {
    const x = tf.input({ shape: [4, 6] });
    const memory = tf.input({ shape: [3, 6] });
    const layer = new MultiHeadAttention(ARGS);
    const y = layer.apply(x, { value: memory }) as tf.SymbolicTensor;
    const model = tf.model({ inputs: [x, memory], outputs: y });
    const [q, v] = [tf.randomNormal([1, 4, 6]), tf.randomNormal([1, 3, 6])];
    expectSame(model.predict([q, v]), layer.call([q, v]));
  });

  test('the first in a sequential model', async () => {
    const model = tf.sequential({
      layers: [new MultiHeadAttention({ ...ARGS, inputShape: [4, 6] }), tf.layers.flatten()],
    });
    const again = await reloaded(model);
    const x = tf.randomNormal([2, 4, 6]);
    expectSame(model.predict(x), again.predict(x));
  });

  /** Embedding with a mask, through layers that pass it on. */
  function masked(name: string) {
    const ids = tf.input({ shape: [5], dtype: 'int32', name });
    const tokens = tf.layers.embedding({ inputDim: 9, outputDim: 6, maskZero: true }).apply(ids);
    return { ids, x: tf.layers.layerNormalization().apply(tokens) as tf.SymbolicTensor };
  }

  test.each([
    ['of query and value', true],
    ['of the value alone', false],
  ])('the mask %s reaches the layer through others', async (_, self) => {
    const { ids, x } = masked('ids');
    const other = tf.input({ shape: [5, 6] });
    const layer = new MultiHeadAttention({ ...ARGS, returnAttentionScores: true });
    const [, scores] = layer.apply(self ? x : [other, x]) as tf.SymbolicTensor[];
    const model = await reloaded(tf.model({ inputs: self ? ids : [ids, other], outputs: scores }));
    const tokens = tf.tensor2d([[3, 1, 2, 0, 0]], [1, 5], 'int32');
    const inputs = self ? tokens : [tokens, tf.randomNormal([1, 5, 6])];
    const weights = model.predict(inputs) as tf.Tensor;
    const hidden = tf.sum(tf.slice(weights, [0, 0, 0, 3], [1, 2, 5, 2]));
    expect(values(hidden)).toEqual([0]);
    const seen = values(tf.sum(weights, -1)).map((sum) => Math.round(sum));
    expect(seen).toEqual(self ? [1, 1, 1, 0, 0, 1, 1, 1, 0, 0] : new Array(10).fill(1));
  });

  test("another layer's mask does not leak in", () => {
    const { ids, x } = masked('ids');
    const other = tf.input({ shape: [5, 6] });
    const layer = new MultiHeadAttention({ ...ARGS, returnAttentionScores: true });
    const [, scores] = layer.apply(other) as tf.SymbolicTensor[];
    const model = tf.model({ inputs: [ids, other], outputs: [x, scores] });
    const [, weights] = model.predict([
      tf.zeros([1, 5], 'int32'),
      tf.randomNormal([1, 5, 6]),
    ]) as tf.Tensor[];
    values(tf.sum(weights, -1)).forEach((sum) => expect(sum).toBeCloseTo(1, 5));
  });

  test('a cache goes through a model, its index a tensor', async () => {
    const x = tf.input({ shape: [1, 6] });
    const cache = tf.input({ shape: [2, 4, 2, 4] });
    const index = tf.input({ shape: [1], dtype: 'int32' });
    const layer = new CachedMultiHeadAttention(ARGS);
    const outputs = layer.apply(x, { cache, cacheUpdateIndex: index }) as tf.SymbolicTensor[];
    const model = await reloaded(tf.model({ inputs: [x, cache, index], outputs }));
    model.setWeights(layer.getWeights());
    const [q, kept] = [tf.randomNormal([1, 1, 6]), tf.randomNormal([1, 2, 4, 2, 4])];
    const got = model.predict([q, kept, tf.tensor2d([2], [1, 1], 'int32')]) as tf.Tensor[];
    const wanted = new CachedMultiHeadAttention(ARGS);
    wanted.apply(q);
    wanted.setWeights(layer.getWeights());
    const direct = wanted.call(q, { cache: kept, cacheUpdateIndex: 2 }) as tf.Tensor[];
    got.forEach((output, i) => expectSame(output, direct[i]));
  });
});

describe('training', () => {
  test('fused and composed layers have the same gradients', () => {
    const x = tf.randomNormal([2, 5, 6]);
    const layer = new MultiHeadAttention({ ...ARGS, useCausalMask: true });
    layer.apply(x);
    const twin = new MultiHeadAttention({
      ...ARGS,
      useCausalMask: true,
      returnAttentionScores: true,
    });
    twin.apply(x);
    twin.setWeights(layer.getWeights());
    const valueMask = tf.tensor2d([0, 1, 1, 1, 1, 1, 1, 1, 1, 0], [2, 5], 'bool');
    const gradients = [layer, twin].map((each) => {
      const loss = (): tf.Scalar => {
        const [y] = [each.call(x, { valueMask })].flat();
        // Row 0 of sequence 0 sees no key, and the two differ there by definition.
        return tf.sum<tf.Scalar>(tf.square(tf.slice(y, [0, 1, 0], [2, 4, 6])));
      };
      const { grads } = tf.variableGrads(
        loss,
        each.trainableWeights.map((w) => w.read() as tf.Variable),
      );
      return Object.values(grads);
    });
    gradients[0].forEach((gradient, i) => {
      const error = tf.max(tf.abs(tf.sub(gradient, gradients[1][i])));
      expect(values(error)[0]).toBeLessThan(1e-4);
    });
    expect(gradients[0]).toHaveLength(8);
  });

  test('dropout drops and rescales, repeatably with a seed, and rests outside training', () => {
    const x = tf.randomNormal([1, 6, 8]);
    const make = () => {
      const layer = new MultiHeadAttention({ ...ARGS, dropout: 0.5, seed: 7 });
      layer.apply(x);
      return layer;
    };
    const [one, two] = [make(), make()];
    two.setWeights(one.getWeights());
    const run = (layer: MultiHeadAttention, training: boolean) =>
      layer.call(x, { training }) as tf.Tensor;
    const first = values(run(one, true));
    expect(values(run(two, true))).toEqual(first);
    expect(values(run(one, true))).not.toEqual(first);
    expectSame(run(one, false), run(two, false));
    expect(values(run(one, false))).not.toEqual(first);
  });

  test('a model learns, with an activity loss, and leaks nothing', async () => {
    const build = (activityRegularizer: string | null) => {
      const layer = new MultiHeadAttention({
        ...ARGS, inputShape: [4, 6], kernelInitializer: 'ones', activityRegularizer,
      }); // prettier-ignore
      const model = tf.sequential({
        layers: [layer, tf.layers.flatten(), tf.layers.dense({ units: 1 })],
      });
      model.compile({ optimizer: tf.train.sgd(1e-7), loss: 'meanSquaredError' });
      return model;
    };
    const [x, y] = [tf.ones([8, 4, 6]), tf.ones([8, 1])];
    const plain = await build(null).trainOnBatch(x, y);
    const model = build('l1l2');
    const penalised = await model.trainOnBatch(x, y);
    expect(Number(penalised)).toBeGreaterThan(Number(plain) + 1);
    await model.trainOnBatch(x, y);
    const before = tf.memory().numTensors;
    const later = await model.trainOnBatch(x, y);
    expect(tf.memory().numTensors).toBe(before);
    expect(Number(later)).toBeLessThan(Number(penalised));
  });
});

describe('bad input', () => {
  const x = () => tf.ones([1, 4, 6]);

  test.each<[string, () => unknown, RegExp]>([
    ['heads', () => new MultiHeadAttention({ numHeads: 0, keyDim: 4 }), /numHeads must be a positive integer, got 0/],
    ['groups', () => new GroupedQueryAttention({ headDim: 4, numQueryHeads: 3, numKeyValueHeads: 2 }), /multiple of numKeyValueHeads 2/],
    ['dropout', () => new MultiHeadAttention({ ...ARGS, dropout: 2 }), /dropout must be a number from 0 to 1, got 2/],
    ['flash with dropout', () => new MultiHeadAttention({ ...ARGS, dropout: 0.1, flashAttention: true }), /excludes flashAttention/],
    ['window', () => new MultiHeadAttention({ ...ARGS, slidingWindow: 0 }), /slidingWindow must be null or a positive/],
    ['initialiser', () => new MultiHeadAttention({ ...ARGS, kernelInitializer: 'magic' }), /'Magic', which is no class of tfjs/],
    ['rank', () => new MultiHeadAttention(ARGS).apply(tf.ones([4, 6])), /query must be \[B, ..., D\]/],
    ['lengths', () => new MultiHeadAttention(ARGS).apply([x(), x(), tf.ones([1, 3, 6])]), /value and key one length/],
    ['axes', () => new MultiHeadAttention({ ...ARGS, attentionAxes: 2 }).apply(x()), /attentionAxes must be different axes from 1 to 1/],
    ['mask', () => new MultiHeadAttention(ARGS).apply(x(), { valueMask: tf.ones([1, 3]) }), /valueMask must be \[1, 4\], got \[1, 3\]/],
    ['twice', () => new MultiHeadAttention(ARGS).apply([x(), x()], { value: x() }), /value came twice/],
    ['index', () => new CachedMultiHeadAttention(ARGS).apply(x(), { cache: tf.ones([1, 2, 4, 2, 4]), cacheUpdateIndex: 1 }), /with 4 new tokens must lie inside a cache of 4/],
    ['cache', () => new CachedMultiHeadAttention(ARGS).apply(x(), { cache: tf.ones([1, 4, 2, 4]) }), /cache must be \[B, 2, S, N, H\]/],
    ['call option in a model', () => new MultiHeadAttention(ARGS).apply(tf.input({ shape: [4, 6] }), { useCausalMask: true }), /give useCausalMask to the constructor/],
  ])('%s', (_, act, message) => expect(act).toThrow(message)); // prettier-ignore
});

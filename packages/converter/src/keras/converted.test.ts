import { beforeAll, describe, expect, test } from '@jest/globals';
import * as tf from '@tensorflow/tfjs';
import '@tfjs-attention/backend-cpu';
import { MultiHeadAttention } from '@tfjs-attention/layers';
import { largestError, unpack } from '../../../layers/src/fixtures.js';
import { convertedArtifacts, handlerOf, inputLayer, keras2Model, modelCase } from './fixtures.js';
import { kerasModel } from './index.js';

beforeAll(() => tf.setBackend('cpu'));

describe('a converted model.json', () => {
  test.each(['encoder', 'grouped'])('of Keras 3: %s', async (name) => {
    const artifacts = convertedArtifacts(name);
    const before = JSON.stringify(artifacts.modelTopology);
    const model = await tf.loadLayersModel(kerasModel(handlerOf(artifacts)));
    const { inputs, outputs } = modelCase(name);
    const output = model.predict(inputs.map(unpack)) as tf.Tensor;
    expect(largestError(output, outputs[0])).toBeLessThan(1e-5);
    expect(JSON.stringify(artifacts.modelTopology)).toBe(before);
  });

  test('a URL is loaded through tfjs', async () => {
    const artifacts = convertedArtifacts('encoder');
    const json = {
      modelTopology: artifacts.modelTopology,
      weightsManifest: [{ paths: ['weights.bin'], weights: artifacts.weightSpecs }],
    };
    const fetchFunc = (url: unknown) =>
      Promise.resolve(
        String(url).endsWith('.bin')
          ? new Response(artifacts.weightData as ArrayBuffer)
          : new Response(JSON.stringify(json), { headers: { 'content-type': 'application/json' } }),
      );
    const handler = kerasModel('http://localhost/model.json', { load: { fetchFunc } });
    const model = await tf.loadLayersModel(handler);
    expect(model.getLayer('attention')).toBeInstanceOf(MultiHeadAttention);
  });

  test("Keras 2's call arguments become inputs and config, states of generators are left out", async () => {
    const attention = {
      class_name: 'MultiHeadAttention',
      config: { name: 'mha', num_heads: 2, key_dim: 3, dtype: 'float32' },
      inbound_nodes: [
        [['x', 0, 0, { value: ['memory', 0, 0], attention_mask: ['mask', 0, 0], use_causal_mask: true, training: null }]],
      ],
    }; // prettier-ignore
    const inputs = [inputLayer('x', 4, 6), inputLayer('memory', 5, 6), inputLayer('mask', 4, 5)];
    const topology = keras2Model([...inputs, attention], ['x', 'memory', 'mask'], 'mha');
    const layer = new MultiHeadAttention({ numHeads: 2, keyDim: 3, useCausalMask: true });
    const [x, memory] = [tf.randomNormal([1, 4, 6]), tf.randomNormal([1, 5, 6])];
    const mask = tf.tensor([1, 1, 0, 1, 1], [1, 1, 5]).tile([1, 4, 1]);
    const expected = layer.apply([x, memory, memory, mask]) as tf.Tensor;
    const { data, specs } = await tf.io.encodeWeights(
      layer.weights.map((weight) => ({
        name: `model/mha/${weight.originalName.split('/').slice(1).join('/')}:0`,
        tensor: weight.read(),
      })),
    );
    const [generator] = [
      { name: 'model/mha/dropout/seed_generator_state:0', shape: [2], dtype: 'int32' as const },
    ];
    const model = await tf.loadLayersModel(
      kerasModel(
        handlerOf({
          modelTopology: topology,
          weightSpecs: [generator, ...specs],
          weightData: [new ArrayBuffer(8), data],
        }),
      ),
    );
    const got = model.predict([x, memory, mask]) as tf.Tensor;
    expect(Math.max(...tf.abs(tf.sub(got, expected)).dataSync())).toBeLessThan(1e-6);
  });

  test('a model that tfjs saved loads as before', async () => {
    const inner = tf.sequential({
      layers: [tf.layers.dense({ units: 3, inputShape: [4] })],
      name: 'inner',
    });
    const x = tf.input({ shape: [4] });
    const model = tf.model({ inputs: x, outputs: inner.apply(x) as tf.SymbolicTensor });
    const topology = model.toJSON(null, false) as object;
    const { data, specs } = await tf.io.encodeWeights(
      model.weights.map((weight) => ({ name: weight.originalName, tensor: weight.read() })),
    );
    const again = await tf.loadLayersModel(
      kerasModel(handlerOf({ modelTopology: topology, weightSpecs: specs, weightData: data })),
    );
    const input = tf.randomNormal([2, 4]);
    const [before, after] = [model, again].map((each) =>
      (each.predict(input) as tf.Tensor).dataSync(),
    );
    expect([...after]).toEqual([...before]);
  });
});

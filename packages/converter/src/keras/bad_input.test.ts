import { describe, expect, test } from '@jest/globals';
import type { io } from '@tensorflow/tfjs-core';
import { InvalidArgumentError, UnsupportedError } from '@tfjs-attention/core';
import { zipSync } from 'fflate';
import { archiveBytes } from '../../../layers/src/fixtures.js';
import {
  convertedArtifacts,
  handlerOf,
  inputLayer,
  keras2Model,
  keras3Topology,
} from './fixtures.js';
import { kerasModel } from './index.js';
import type { Json, JsonDict } from './json.js';

const load = (artifacts: io.ModelArtifacts) => kerasModel(handlerOf(artifacts)).load();
const dense = (name: string, from: Json[], config = {}): JsonDict => ({
  class_name: 'Dense',
  config: { name, units: 2, ...config },
  inbound_nodes: [[from]],
});
const model = (...layers: JsonDict[]) => keras2Model([inputLayer('x', 3), ...layers], ['x'], 'out');

describe('a document that is no model', () => {
  test.each<[string, unknown, RegExp]>([
    ['a number', 7, /modelTopology is no object/],
    ['no JSON', '{', /modelTopology is no JSON/],
    ['a graph model', { node: [] }, /load it with tf.loadGraphModel/],
    ['no class', { model_config: {} }, /no class_name and config/],
    ['another class', { class_name: 'MyModel', config: {} }, /of class MyModel; kerasModel takes Sequential/],
    ['no layers', { class_name: 'Sequential', config: {} }, /has no list of layers/],
    ['a layer that is none', { class_name: 'Sequential', config: { layers: [3] } }, /layer 0 has no class_name/],
    ['a circle', model(dense('a', ['b', 0, 0, {}]), dense('b', ['a', 0, 0, {}]), dense('out', ['x', 0, 0, {}])), /'a', 'b' wait for each other in a circle/],
    ['itself', model(dense('out', ['out', 0, 0, {}])), /'out' wait for each other/],
    ['a layer that is not there', model(dense('out', ['y', 0, 0, {}])), /refers to a layer 'y', which is not there/],
    ['a call that is not there', model(dense('out', ['x', 1, 0, {}])), /call 1 of 'x', which has 1/],
    ['no reference', model(dense('out', ['x'])), /is no \[layer, node, tensor\]/],
    ['one name twice', model(dense('out', ['x', 0, 0]), dense('out', ['x', 0, 0])), /two layers have the name 'out'/],
  ])('%s', async (_, modelTopology, message) => {
    const loading = load({ modelTopology: modelTopology as object });
    await expect(loading).rejects.toThrow(InvalidArgumentError);
    await expect(loading).rejects.toThrow(message);
  }); // prettier-ignore

  test.each<[string, () => unknown, RegExp]>([
    ['nothing', () => undefined, /a model is a URL, the bytes of a .keras archive, or an IOHandler/],
    ['no zip', () => new Uint8Array(20), /the archive is no zip file/],
    ['half an archive', () => archiveBytes('scored.keras').slice(0, 9000), /the archive is no zip file/],
    ['a zip of something else', () => zipSync({ 'a.txt': new Uint8Array(1) }), /must hold config.json and model.weights.h5, it has a.txt/],
    ['no HDF5', () => zipSync({ 'config.json': new Uint8Array(1), 'model.weights.h5': new Uint8Array(64) }), /is no (JSON|HDF5 file)/],
  ])('as bytes: %s', async (_, bytes, message) => {
    const loading = kerasModel(bytes() as Uint8Array).load();
    await expect(loading).rejects.toThrow(InvalidArgumentError);
    await expect(loading).rejects.toThrow(message);
  }); // prettier-ignore
});

describe('weights', () => {
  test.each<[string, (artifacts: io.ModelArtifacts) => unknown, RegExp]>([
    ['missing ones', (artifacts) => artifacts.weightSpecs?.pop(), /lacks 1 weights: norm_2\/beta/],
    ['no data', (artifacts) => delete artifacts.weightData, /lists 19 weights and has no weight data/],
    ['too little data', (artifacts) => (artifacts.weightData = new ArrayBuffer(100)), /the weights end after 100 bytes/],
    ['an unknown dtype', (artifacts) => Object.assign(artifacts.weightSpecs?.[0] ?? {}, { dtype: 'float8' }), /has the dtype float8/],
  ])('%s', async (_, damage, message) => {
    const artifacts = convertedArtifacts('encoder');
    damage(artifacts);
    const loading = load(artifacts);
    await expect(loading).rejects.toThrow(InvalidArgumentError);
    await expect(loading).rejects.toThrow(message);
  }); // prettier-ignore
});

describe('what tfjs cannot hold is named, all of it', () => {
  test.each<[string, JsonDict, RegExp]>([
    ['a Lambda', { class_name: 'Lambda', config: { name: 'out' } }, /layer 'out' \(Lambda\) holds Python code/],
    ['a custom class', { class_name: 'pkg>Mine', config: { name: 'out' } }, /tf.serialization.registerClass/],
    ['an activation', dense('out', ['x', 0, 0], { activation: 'leaky_relu' }), /the activation leaky_relu, which tfjs/],
    ['a dtype', dense('out', ['x', 0, 0], { dtype: 'complex64' }), /the dtype complex64/],
    ['quantisation', dense('out', ['x', 0, 0], { quantization_config: {} }), /is quantised/],
    ['a GRU of cuDNN', { class_name: 'GRU', config: { name: 'out', units: 2, reset_after: true } }, /has reset_after/],
    ['an option', dense('out', ['x', 0, 0, { training: true }]), /is called with training = true/],
    ['a constraint', dense('out', ['x', 0, 0], { kernel_constraint: { class_name: 'Mine', config: {} } }), /the constraint Mine/],
  ])('%s', async (_, layer, message) => {
    const modelTopology = model({ inbound_nodes: [[['x', 0, 0, {}]]], ...layer });
    const loading = load({ modelTopology });
    await expect(loading).rejects.toThrow(UnsupportedError);
    await expect(loading).rejects.toThrow(message);
  }); // prettier-ignore

  test('several at once', async () => {
    const modelTopology = model(dense('a', ['x', 0, 0], { activation: 'sparsemax' }), {
      class_name: 'Lambda',
      config: { name: 'out' },
      inbound_nodes: [[['a', 0, 0, {}]]],
    });
    await expect(load({ modelTopology })).rejects.toMatchObject({
      reasons: [
        "layer 'a' (Dense) has the activation sparsemax, which tfjs does not know",
        "layer 'out' (Lambda) holds Python code",
      ],
    });
  });

  test('calls that differ in what tfjs keeps on the layer', async () => {
    const topology = keras3Topology('grouped');
    const layers = (topology.config as JsonDict).layers as JsonDict[];
    const shared = layers.find(({ name }) => name === 'shared') as JsonDict;
    const [first] = shared.inbound_nodes as JsonDict[];
    (first.kwargs as JsonDict).use_causal_mask = true;
    await expect(load({ modelTopology: topology })).rejects.toThrow(
      /called with {"use_causal_mask":true} and with {}, and tfjs keeps no options of calls/,
    );
  });
});

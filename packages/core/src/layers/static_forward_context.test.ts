import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { InvalidArgumentError } from '../errors.js';
import { Attention } from './attention.js';
import { ARGS, vllmConfig } from './fixtures.js';
import {
  getCurrentVllmConfig,
  registerAttentionLayers,
  withCurrentVllmConfig,
} from './static_forward_context.js';

const DUPLICATE = /Duplicate layer name: layers\.0\.attn/;
const prefix = 'layers.0.attn';

beforeAll(() => tf.setBackend('cpu'));

describe('a prefix is taken while its layer lives', () => {
  test('in this process, without a config', () => {
    const layer = new Attention({ ...ARGS, prefix });
    expect(layer.name).toBe(prefix);
    expect(() => new Attention({ ...ARGS, prefix })).toThrow(InvalidArgumentError);
    expect(() => new Attention({ ...ARGS, prefix })).toThrow(DUPLICATE);
    layer.dispose();
    new Attention({ ...ARGS, prefix }).dispose();
  });

  test('within a config, and only there', () => {
    const [one, other] = [vllmConfig(), vllmConfig()];
    const layer = new Attention({ ...ARGS, prefix, vllmConfig: one });
    expect(one.compilationConfig?.staticForwardContext).toEqual({ [prefix]: layer });
    expect(() => new Attention({ ...ARGS, name: prefix, vllmConfig: one })).toThrow(DUPLICATE);
    withCurrentVllmConfig(other, () => new Attention({ ...ARGS, name: prefix }));
    expect(Object.keys(other.compilationConfig?.staticForwardContext ?? {})).toEqual([prefix]);
    layer.dispose();
    expect(one.compilationConfig?.staticForwardContext).toEqual({});
  });

  test('a constructor that throws takes none', () => {
    const config = vllmConfig();
    expect(() => new Attention({ ...ARGS, prefix, numHeads: 3, vllmConfig: config })).toThrow();
    const sharing = { ...ARGS, prefix, kvSharingTargetLayerName: 'layers.7.attn' };
    expect(() => new Attention({ ...sharing, vllmConfig: config })).toThrow(/must come before/);
    expect(config.compilationConfig?.staticForwardContext ?? {}).toEqual({});
  });

  test('a layer of two models lives until both are disposed', () => {
    const layer = new Attention({ ...ARGS, prefix });
    const model = () => {
      const x = tfl.input({ shape: [null, 28] });
      return tfl.model({ inputs: x, outputs: layer.apply(x) as tfl.SymbolicTensor });
    };
    const [first, second] = [model(), model()];
    first.dispose();
    expect(() => new Attention({ ...ARGS, prefix })).toThrow(DUPLICATE);
    second.dispose();
    new Attention({ ...ARGS, prefix }).dispose();
  });

  test('name and prefix are one argument', () => {
    expect(() => new Attention({ ...ARGS, name: 'a', prefix: 'b' })).toThrow(/'a' and prefix 'b'/);
    new Attention({ ...ARGS, name: 'a', prefix: 'a' }).dispose();
  });
});

describe('loaded models', () => {
  const saved = () => {
    const model = tfl.sequential();
    model.add(new Attention({ ...ARGS, inputShape: [4, 28], name: prefix }));
    const modelTopology = JSON.parse(JSON.stringify(model.toJSON(null, false))) as object;
    return { load: () => Promise.resolve({ modelTopology }) };
  };

  test('one file is loaded twice, each under its own config', async () => {
    const handler = saved();
    const models = [await tfl.loadLayersModel(handler), await tfl.loadLayersModel(handler)];
    const configs = [vllmConfig(), vllmConfig()];
    const contexts = models.map((model, i) => registerAttentionLayers(model.layers, configs[i]));
    contexts.forEach((context, i) => expect(context[prefix]).toBe(models[i].getLayer(prefix)));
    expect(() => registerAttentionLayers(models[1].layers, configs[0])).toThrow(DUPLICATE);
    models[0].dispose();
    expect(contexts[0]).toEqual({});
    registerAttentionLayers(models[1].layers, configs[0]);
  });
});

test('the config of a scope', () => {
  const config = vllmConfig();
  expect(withCurrentVllmConfig(config, () => getCurrentVllmConfig())).toBe(config);
  expect(getCurrentVllmConfig()).toBeUndefined();
  expect(() => withCurrentVllmConfig(config, () => Promise.resolve())).toThrow(/promise/);
});

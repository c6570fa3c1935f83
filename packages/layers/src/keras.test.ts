import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import type { layers } from '@tensorflow/tfjs-layers';
import '@tfjs-attention/backend-cpu';
import { findStockWasm } from '@tfjs-attention/testing/node/stock_wasm';
import { camel, largestError, layerCases, unpack, type LayerCase } from './fixtures.js';
import './index.js';

/** As tfjs-layers reads a config: keys in camel case, no modules. */
function readLayer({ className, config }: LayerCase): layers.Layer {
  const read = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(read);
    if (value === null || typeof value !== 'object') return value;
    const entries = Object.entries(value).map(([key, entry]) => [camel(key), read(entry)]);
    return Object.fromEntries(entries) as unknown;
  };
  const [cls, fromConfig] = tf.serialization.SerializationMap.getMap().classNameMap[className];
  const { dtype: _, ...rest } = config;
  return fromConfig(cls, read(rest) as tf.serialization.ConfigDict) as layers.Layer;
}

function callOf({ inputs, kerasMasks, call }: LayerCase) {
  const tensors = Object.entries(inputs).map(([name, packed]) => [camel(name), unpack(packed)]);
  const named = Object.fromEntries(tensors) as Record<string, tf.Tensor>;
  for (const [name, packed] of Object.entries(kerasMasks)) {
    Object.assign(named[name], { kerasMask: unpack(packed) });
  }
  const { query, ...rest } = named;
  const options = Object.entries(call).map(([name, value]) => [camel(name), value]);
  return { query, kwargs: { ...rest, ...(Object.fromEntries(options) as object) } };
}

const asList = <T>(x: T | T[]): T[] => (Array.isArray(x) ? x : [x]);

for (const backend of ['cpu', 'wasm']) {
  describe(`Keras's outputs on ${backend}`, () => {
    beforeAll(async () => {
      findStockWasm();
      await tf.setBackend(backend);
    });
    afterAll(() => tf.disposeVariables());

    test.each(layerCases())('$className: $name', (layerCase) => {
      const layer = readLayer(layerCase);
      const { query, kwargs } = callOf(layerCase);
      layer.apply(query, kwargs);
      expect(layer.weights.map(({ originalName, shape }) => [originalName, shape])).toEqual(
        layerCase.weights.map(({ path, shape }) => [`${layer.name}/${path}`, shape]),
      );
      layer.setWeights(layerCase.weights.map(unpack));
      const outputs = asList(layer.apply(query, kwargs) as tf.Tensor | tf.Tensor[]);
      expect(outputs).toHaveLength(layerCase.outputs.length);
      for (const [i, output] of outputs.entries()) {
        expect(largestError(output, layerCase.outputs[i])).toBeLessThan(1e-5);
      }
      layer.dispose();
    });
  });
}

test("a config is Keras's, but for what Keras keeps elsewhere", () => {
  for (const layerCase of layerCases()) {
    const layer = readLayer(layerCase);
    const written = layer.getConfig();
    for (const [key, value] of Object.entries(layerCase.config)) {
      if (['dtype', 'activity_regularizer'].includes(key) || key.endsWith('_initializer')) continue;
      if (key === 'attention_axes' && written.attentionAxes === null) continue;
      expect([key, written[camel(key)]]).toEqual([key, value]);
    }
  }
});

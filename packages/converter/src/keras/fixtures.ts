import type { io } from '@tensorflow/tfjs-core';
import { unzipSync } from 'fflate';
import {
  archiveBytes,
  modelCases,
  valuesOf,
  type ModelCase,
} from '../../../layers/src/fixtures.js';
import type { JsonDict } from './json.js';

export function modelCase(name: string): ModelCase {
  return modelCases().find((each) => each.name === name) as ModelCase;
}

/** The JSON that Keras 3 wrote of a model, a copy each time. */
export function keras3Topology(name: string): JsonDict {
  const { archive } = modelCase(name);
  const text = unzipSync(archiveBytes(archive))['config.json'];
  return JSON.parse(new TextDecoder().decode(text)) as JsonDict;
}

/** What the tfjs converter makes of the same model: its JSON, and weights under the paths that Keras has for them. */
export function convertedArtifacts(name: string): io.ModelArtifacts {
  const weights = modelCase(name).weights ?? [];
  const data = weights.map((weight) => new Uint8Array(valuesOf(weight).buffer));
  return {
    modelTopology: {
      keras_version: '3.15.0',
      backend: 'tensorflow',
      model_config: keras3Topology(name),
    },
    weightSpecs: weights.map(({ path, shape }) => ({ name: path, shape, dtype: 'float32' })),
    weightData: Uint8Array.from(data.flatMap((bytes) => [...bytes])).buffer,
  };
}

/** A handler of given artifacts. */
export function handlerOf(artifacts: io.ModelArtifacts): io.IOHandler {
  return { load: () => Promise.resolve(artifacts) };
}

/** A functional model of Keras 2's JSON: calls as lists, their keyword arguments in the first entry. */
export function keras2Model(layers: JsonDict[], inputs: string[], output: string): JsonDict {
  const end = (name: string) => [name, 0, 0];
  return {
    class_name: 'Functional',
    keras_version: '2.15.0',
    config: {
      name: 'model',
      layers: layers.map((layer) => ({ ...layer, name: (layer.config as JsonDict).name })),
      input_layers: inputs.map(end),
      output_layers: [end(output)],
    },
  };
}

export function inputLayer(name: string, ...shape: number[]): JsonDict {
  const config = { name, batch_input_shape: [null, ...shape], dtype: 'float32', sparse: false };
  return { class_name: 'InputLayer', config, inbound_nodes: [] };
}

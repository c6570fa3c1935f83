import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import {
  dispose,
  io,
  profile,
  tensor,
  type DataType,
  type NamedTensorMap,
  type Tensor,
} from '@tensorflow/tfjs-core';
import type { WholeArtifacts } from './load/source.js';

/** A tensor as fixtures/make.py writes it. */
interface Packed {
  dtype: 'float32' | 'int32' | 'bool';
  shape: number[];
  data: string;
}

/** A graph model made by TensorFlow, with inputs and what TensorFlow computed from them. */
export interface Fixture {
  artifacts: WholeArtifacts;
  inputs: () => NamedTensorMap;
  outputs: Float32Array[];
}

export const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));
export const MODELS = ['bert', 'vit', 'gpt', 'gpt_fixed', 't5', 'keras_multi_head', 'keras_causal', 'keras_grouped', 'no_attention', 'loops'] as const; // prettier-ignore

interface Judge {
  inputs: Record<string, Packed>;
  outputs: Packed[];
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(FIXTURES + path, 'utf8'));

export function modelFixture(name: string): Fixture {
  const model = readJson(`${name}/model.json`) as io.ModelJSON;
  const { weights } = model.weightsManifest[0];
  const data = readFileSync(`${FIXTURES}${name}/weights.bin`);
  return fixture(model, weights, data, readJson(`${name}/judge.json`) as Judge);
}

interface PackedModel {
  model: io.ModelJSON;
  weightSpecs: io.WeightsManifestEntry[];
  weights: string;
  judge: Judge;
}

export function patternFixtures(): Map<string, Fixture> {
  const all = readJson('patterns.json') as Record<string, PackedModel>;
  return new Map(
    Object.entries(all).map(([name, { model, weightSpecs, weights, judge }]) => [
      name,
      fixture(model, weightSpecs, Buffer.from(weights, 'base64'), judge),
    ]),
  );
}

function fixture(
  model: io.ModelJSON,
  weightSpecs: io.WeightsManifestEntry[],
  data: Buffer,
  judge: Judge,
): Fixture {
  return {
    artifacts: {
      format: 'graph-model',
      modelTopology: model.modelTopology,
      signature: model.signature,
      weightSpecs,
      weightData: new Uint8Array(data).buffer,
    },
    inputs: () =>
      Object.fromEntries(
        Object.entries(judge.inputs).map(([name, packed]) => [
          name,
          tensor(valuesOf(packed), packed.shape, packed.dtype as DataType),
        ]),
      ),
    outputs: judge.outputs.map((packed) => Float32Array.from(valuesOf(packed))),
  };
}

function valuesOf({ dtype, data }: Packed): Float32Array | Int32Array | Uint8Array {
  const bytes = new Uint8Array(Buffer.from(data, 'base64'));
  switch (dtype) {
    case 'float32':
      return new Float32Array(bytes.buffer);
    case 'int32':
      return new Int32Array(bytes.buffer);
    case 'bool':
      return bytes;
  }
}

/** Largest difference of all outputs, as a part of the largest expected value; NaN where one is NaN and the other not. */
export function apart(
  found: readonly ArrayLike<number>[],
  expected: readonly Float32Array[],
): number {
  let [worst, largest] = [0, 0];
  for (const [i, values] of expected.entries()) {
    for (let j = 0; j < values.length; j++) {
      const difference = Object.is(found[i][j], values[j]) ? 0 : Math.abs(found[i][j] - values[j]);
      if (!(difference <= worst)) worst = difference;
      largest = Math.max(largest, Math.abs(values[j]));
    }
  }
  return worst / largest;
}

/** Runs a model on the active backend; also the kernels that ran. */
export async function outputsOf(
  artifacts: io.ModelArtifacts,
  inputs: Fixture['inputs'],
): Promise<{ values: ArrayLike<number>[]; kernels: string[] }> {
  const model = await loadGraphModel(io.fromMemory(artifacts));
  const given = inputs();
  const names = model.outputs.map(({ name }) => name);
  const hasLoops = JSON.stringify(artifacts.modelTopology).includes('"op":"While"');
  let results: Tensor[] = [];
  const { kernelNames } = await profile(async () => {
    const found = hasLoops ? await model.executeAsync(given, names) : model.execute(given, names);
    results = Array.isArray(found) ? found : [found];
    return results;
  });
  const values = await Promise.all(results.map((tensor) => tensor.data()));
  dispose([results, given]);
  model.dispose();
  return { values, kernels: kernelNames };
}

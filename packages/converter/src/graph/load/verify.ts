import { loadGraphModel } from '@tensorflow/tfjs-converter';
import { dispose, io, type NamedTensorMap, type Tensor } from '@tensorflow/tfjs-core';
import { fuseTopology, type Place } from '../rewrite/fuse_topology.js';
import { check } from '../topology/errors.js';
import { randomInputs } from './random_inputs.js';
import type { WholeArtifacts } from './source.js';

export interface VerifyOptions {
  /** Inputs by name instead of random ones; they stay yours. */
  inputs?: NamedTensorMap;
  /** Largest difference of an output, as a part of its largest value. Default 1e-4. */
  tolerance?: number;
}

type Veto = (graph: string, softmax: string) => string | undefined;

/** Runs the model as it is and fused; returns what speaks against each fusion. */
export async function verifyFusion(
  artifacts: WholeArtifacts,
  { inputs, tolerance = 1e-4 }: VerifyOptions,
): Promise<Veto> {
  const { places } = fuseTopology(artifacts, 'fused');
  if (places.length === 0) return () => undefined;
  const plain = await loadGraphModel(io.fromMemory(artifacts));
  const given = inputs ?? randomInputs(plain.inputs);
  try {
    const expected = await runPlain(plain, given);
    const judge = (kept: readonly Place[]) => differenceOf(artifacts, kept, given, expected);
    const bad = await differingPlaces(places, judge, tolerance);
    return (graph, softmax) => bad.get(key({ graph, softmax }));
  } finally {
    plain.dispose();
    if (inputs === undefined) dispose(given);
  }
}

const key = ({ graph, softmax }: Place) => `${graph}\n${softmax}`;

/** All places together first; only where that differs each one alone, and what is left together once more. */
async function differingPlaces(
  places: readonly Place[],
  judge: (kept: readonly Place[]) => Promise<number>,
  tolerance: number,
): Promise<Map<string, string>> {
  const bad = new Map<string, string>();
  if ((await judge(places)) <= tolerance) return bad;
  for (const place of places) {
    const difference = await judge([place]);
    if (!(difference <= tolerance)) bad.set(key(place), differs(difference, tolerance));
  }
  const rest = places.filter((place) => !bad.has(key(place)));
  const difference = rest.length === 0 ? 0 : await judge(rest);
  if (!(difference <= tolerance)) {
    for (const place of rest) bad.set(key(place), differs(difference, tolerance));
  }
  return bad;
}

const differs = (difference: number, tolerance: number) =>
  `verify: the model's output differs by ${difference.toExponential(1)} of its largest value, allowed are ${tolerance}`;

type Outputs = Float32Array[];
type Model = Awaited<ReturnType<typeof loadGraphModel>>;

async function runPlain(model: Model, inputs: NamedTensorMap): Promise<Outputs> {
  let outputs: Outputs;
  try {
    outputs = await run(model, inputs);
  } catch (error) {
    check(
      false,
      () =>
        `verify: the model as it is does not run on these inputs (${String(error)}); give verify: { inputs }`,
    );
  }
  check(
    outputs.every((values) => !values.every(Number.isNaN) || values.length === 0),
    () =>
      'verify: the model as it is returns NaN only, which proves nothing; give verify: { inputs }',
  );
  return outputs;
}

async function run(model: Model, inputs: NamedTensorMap): Promise<Outputs> {
  const names = model.outputs.map(({ name }) => name);
  const results = await runEither(model, inputs, names);
  const tensors: Tensor[] = Array.isArray(results) ? results : [results];
  const outputs = await Promise.all(tensors.map(async (x) => Float32Array.from(await x.data())));
  dispose(tensors);
  return outputs;
}

/** Only `executeAsync` runs control flow, and it warns where there is none. */
async function runEither(model: Model, inputs: NamedTensorMap, names: string[]) {
  try {
    return model.execute(inputs, names);
  } catch {
    return model.executeAsync(inputs, names);
  }
}

/** Largest difference of the outputs with only these places fused. */
async function differenceOf(
  artifacts: WholeArtifacts,
  kept: readonly Place[],
  inputs: NamedTensorMap,
  expected: Outputs,
): Promise<number> {
  const wanted = new Set(kept.map(key));
  const { topology } = fuseTopology(artifacts, 'fused', (graph, softmax) =>
    wanted.has(key({ graph, softmax })) ? undefined : 'not asked for',
  );
  const model = await loadGraphModel(
    io.fromMemory({ ...artifacts, modelTopology: topology as object }),
  );
  try {
    const outputs = await run(model, inputs);
    return Math.max(...outputs.map((values, i) => difference(values, expected[i])));
  } finally {
    model.dispose();
  }
}

/** As a part of the largest expected value; where NaN was expected anything will do. */
function difference(values: Float32Array, expected: Float32Array): number {
  let [worst, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(expected[i])) continue;
    const apart = values[i] === expected[i] ? 0 : Math.abs(values[i] - expected[i]);
    if (!(apart <= worst)) worst = apart;
    if (Number.isNaN(worst)) return NaN;
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return worst / (largest || 1);
}

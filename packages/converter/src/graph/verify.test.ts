import '@tensorflow/tfjs-backend-cpu';
import '@tfjs-attention/backend-cpu';
import { expect, test } from '@jest/globals';
import { memory, type io } from '@tensorflow/tfjs-core';
import { modelFixture, patternFixtures, type Fixture } from './fixtures.js';
import { fuseArtifacts, fuseAttention, type FusionReport } from './index.js';

test.each(['bert', 'vit', 'gpt', 'gpt_fixed', 't5', 'keras_multi_head', 'keras_causal', 'loops'])(
  '%s passes, and leaves no tensors behind',
  async (name) => {
    const { artifacts } = modelFixture(name);
    const before = memory().numTensors;
    const { report } = await fuseArtifacts(artifacts, { verify: true });
    expect(report).toEqual((await fuseArtifacts(artifacts)).report);
    expect(memory().numTensors).toBe(before);
  },
); // prettier-ignore

/** tfjs 4.22 reads MatrixBandPart's upper bound from the lower one's input, so the mask of the graph as it is hides nothing. */
test('a graph that tfjs computes otherwise than TensorFlow is left as it is', async () => {
  const { report } = await fuseArtifacts(modelFixture('keras_grouped').artifacts, { verify: true });
  expect(report.fused).toEqual([]);
  expect(report.skipped[0].reason).toContain("verify: the model's output differs by");
});

test('fusions that differ are undone', async () => {
  const { artifacts } = modelFixture('bert');
  const { report } = await fuseArtifacts(artifacts, { verify: { tolerance: 0 } });
  expect(report.fused).toEqual([]);
  expect(report.skipped.map(({ node }) => node)).toEqual(['Softmax', 'Softmax_1']);
  for (const { reason } of report.skipped) {
    expect(reason).toMatch(
      /^verify: the model's output differs by \d\.\de-\d+ of its largest value/,
    );
  }
});

test('inputs may be given, and stay the caller’s', async () => {
  const fixture = patternFixtures().get('computed_scale') as Fixture;
  const inputs = fixture.inputs();
  const { report } = await fuseArtifacts(fixture.artifacts, { verify: { inputs } });
  expect(report.fused).toHaveLength(1);
  expect(Object.values(inputs).every((tensor) => !tensor.isDisposed)).toBe(true);
});

test('a model that does not run on random inputs asks for others', async () => {
  const { artifacts } = modelFixture('t5');
  const topology = structuredClone(artifacts.modelTopology) as {
    node: { name: string; attr: unknown }[];
  };
  for (const node of topology.node) if (node.name === 'x') node.attr = {};
  const without = { ...artifacts, modelTopology: topology, signature: undefined };
  await expect(fuseArtifacts(without, { verify: true })).rejects.toThrow(
    "verify: the shape of input 'x' is not in the topology; give verify: { inputs }",
  );
});

test('the handler hands on what it was given, reports, and reads a stream of weights', async () => {
  const { artifacts } = modelFixture('vit');
  const { weightData, ...rest } = artifacts;
  const reports: FusionReport[] = [];
  const inner: io.IOHandler = {
    load: () =>
      Promise.resolve({
        ...rest,
        getWeightStream: () =>
          new Blob([weightData as ArrayBuffer]).stream() as unknown as ReadableStream<ArrayBuffer>,
      }),
  };
  const handler = fuseAttention(inner, { onReport: (report) => reports.push(report) });
  expect(handler.report).toBeUndefined();
  const loaded = await handler.load();
  expect(reports).toEqual([handler.report]);
  expect(handler.report?.fused).toHaveLength(1);
  expect(loaded.signature).toBe(artifacts.signature);
  expect(loaded.getWeightStream).toBeUndefined();
});

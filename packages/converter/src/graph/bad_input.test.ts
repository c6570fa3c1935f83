import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from '@jest/globals';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import { slice, type io } from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '@tfjs-attention/core';
import { apart, modelFixture, outputsOf, patternFixtures, type Fixture } from './fixtures.js';
import { fuseArtifacts, fuseAttention, type WholeArtifacts } from './index.js';

interface Node {
  name: string;
  op: string;
  input?: string[];
  attr?: unknown;
}
interface Graph {
  node: Node[];
  library: { function: { signature: { name: string }; nodeDef: Node[]; ret: Record<string, string> }[] }; // prettier-ignore
}

/** A copy of a good model with something broken. */
function broken(change: (graph: Graph, artifacts: WholeArtifacts) => void, name = 'bert') {
  const artifacts = structuredClone(modelFixture(name).artifacts);
  change(artifacts.modelTopology as unknown as Graph, artifacts);
  return artifacts;
}
const nodeOf = (graph: Graph, name: string) =>
  graph.node.find((node) => node.name === name) as Node;

const CASES: [string, WholeArtifacts, string][] = [
  [
    'no topology',
    broken((_, artifacts) => delete artifacts.modelTopology),
    "modelTopology is missing: a graph model's model.json has one with a list 'node'",
  ],
  [
    'a layers model',
    broken((_, artifacts) => (artifacts.modelTopology = { model_config: {} })),
    'it is a Keras layers model, for which kerasModel is',
  ],
  ['a node without a name', broken((graph) => (graph.node[3].name = '')), 'node 3 has no name'],
  [
    'a node without an op',
    broken((graph) => (nodeOf(graph, 'Softmax').op = '')),
    "node 'Softmax' has no op",
  ],
  [
    'inputs that are no list',
    broken((graph) => Object.assign(nodeOf(graph, 'Softmax'), { input: 'add' })),
    "the inputs of node 'Softmax' must be a list of strings",
  ],
  [
    'two nodes of one name',
    broken((graph) => graph.node.push({ ...graph.node[0] })),
    'two nodes are called',
  ],
  [
    'an input that is nowhere',
    broken((graph) => (nodeOf(graph, 'Softmax').input = ['gone:1'])),
    "the main graph: node 'Softmax' reads 'gone:1', which is not in the graph",
  ],
  [
    'a cycle',
    broken((graph) => (nodeOf(graph, 'add_4').input = ['truediv', 'Softmax'])),
    "the main graph waits for itself: 'add_4' → 'Softmax' → 'add_4'",
  ],
  [
    'an output that is nowhere',
    broken((_, artifacts) => {
      artifacts.signature = { outputs: { scores: { name: 'gone:0' } } };
    }),
    "the signature's output 'scores' names 'gone:0'",
  ],
  [
    'a constant without a weight',
    broken((_, artifacts) => (artifacts.weightSpecs = artifacts.weightSpecs?.slice(0, -1))),
    'the weights lack constant',
  ],
  [
    'weights cut off',
    broken((_, artifacts) => {
      artifacts.weightData = (artifacts.weightData as ArrayBuffer).slice(0, 1000);
    }),
    'the weight data ends at 1000: a shard is missing or cut off',
  ],
  [
    'an unknown dtype',
    broken((_, artifacts) => {
      Object.assign(artifacts.weightSpecs?.[2] ?? {}, { dtype: 'float128' });
    }),
    "has dtype 'float128', TensorFlow.js reads float32, int32, bool, complex64 and string",
  ],
  [
    'an unknown quantisation',
    broken((_, artifacts) => {
      Object.assign(artifacts.weightSpecs?.[2] ?? {}, { quantization: { dtype: 'int3' } });
    }),
    "is quantised to 'int3'",
  ],
  [
    'two weights of one name',
    broken((_, artifacts) => {
      const specs = artifacts.weightSpecs as io.WeightsManifestEntry[];
      specs[1].name = specs[0].name;
    }),
    'two weights are called',
  ],
  [
    'a function that returns nothing it has',
    broken((graph) => {
      graph.library.function[0].ret = { x: 'gone:output:0' };
    }, 'loops'),
    "output 'x' names 'gone:output:0', which is neither a node nor an argument",
  ],
  [
    'a function without a name',
    broken((graph) => (graph.library.function[1].signature.name = ''), 'loops'),
    'function 1 of the library has no signature with a name',
  ],
];

test.each(CASES)('%s is refused and nothing is changed', async (_, artifacts, message) => {
  const before = structuredClone(artifacts);
  const handler = fuseAttention({ load: () => Promise.resolve(artifacts) });
  const load = handler.load();
  await expect(load).rejects.toBeInstanceOf(InvalidArgumentError);
  await expect(load).rejects.toThrow(message);
  expect(handler.report).toBeUndefined();
  expect(artifacts).toEqual(before);
});

test('a model is not changed by fusing it', async () => {
  const { artifacts } = modelFixture('bert');
  const before = structuredClone(artifacts);
  await fuseArtifacts(artifacts);
  expect(artifacts).toEqual(before);
});

test('loops of TensorFlow 1 are cycles that are allowed', async () => {
  const artifacts = broken((graph) => {
    graph.node.push(
      { name: 'enter', op: 'Merge', input: ['ids', 'next'] },
      { name: 'next', op: 'NextIteration', input: ['enter'] },
    );
  });
  expect((await fuseArtifacts(artifacts)).report.fused).toHaveLength(2);
});

test.each([
  ['no handler', () => fuseAttention({}), 'a URL or an IOHandler with a method load'],
  ['an unknown preference', () => fuseAttention({ load: () => Promise.resolve(modelFixture('vit').artifacts) }, { prefer: 'gpu' as never }).load(), "prefer must be 'auto', 'fused' or 'stock'"], // prettier-ignore
])('%s is refused', async (_, call, message) => {
  await expect((async () => await call())()).rejects.toThrow(message);
});

describe('a damaged fused node', () => {
  const { artifacts } = patternFixtures().get('boolean_mask') as Fixture;

  async function runWith(change: (program: Record<string, unknown>) => unknown) {
    const { artifacts: fused } = await fuseArtifacts(artifacts);
    const graph = structuredClone(fused.modelTopology) as unknown as {
      node: { op: string; attr: { attention: { s: string } } }[];
    };
    const node = graph.node.find(({ op }) => op === 'TfjsAttnGraph');
    const attention = node?.attr.attention as { s: string };
    const program = JSON.parse(atob(attention.s)) as Record<string, unknown>;
    attention.s = btoa(JSON.stringify(change(program)));
    const { inputs } = patternFixtures().get('boolean_mask') as Fixture;
    return outputsOf({ ...fused, modelTopology: graph }, inputs);
  }

  test.each<[(program: Record<string, unknown>) => unknown, string]>([
    [(program) => ({ ...program, version: 9 }), 'has version 9, not 1: fuse the model again'],
    [() => 3, "holds no object 'attention'"],
    [(program) => ({ ...program, steps: [{ op: 'add', input: 8 }] }), 'reads input 8, the node has 4'], // prettier-ignore
    [(program) => ({ ...program, steps: [{ op: 'twist' }] }), "has 'op' twist, not one of scale"],
    [(program) => ({ ...program, query: { axes: ['x'] } }), "needs an integer 'axes'"],
  ])('%s', async (change, message) => {
    await expect(runWith(change)).rejects.toThrow(`TfjsAttnGraph: its attribute 'attention' ${message}`); // prettier-ignore
  });
});

test('a model fused for one length says so when it gets another', async () => {
  const fixture = patternFixtures().get('causal_constant') as Fixture;
  const { artifacts } = await fuseArtifacts(fixture.artifacts);
  const graph = artifacts.modelTopology as unknown as Graph;
  const open = structuredClone(graph);
  for (const node of open.node) if (node.op === 'Placeholder') delete node.attr;
  const model = await loadGraphModel({
    load: () => Promise.resolve({ ...artifacts, modelTopology: open, signature: undefined }),
  });
  const inputs = fixture.inputs();
  const shorter = Object.fromEntries(
    Object.entries(inputs).map(([name, tensor]) => [name, slice(tensor, [0, 0, 1])]),
  );
  expect(() => model.execute(shorter)).toThrow(
    "the model's causal mask is for 5 queries and 5 keys, got 4 and 4",
  );
  expect(apart((await outputsOf(artifacts, fixture.inputs)).values, fixture.outputs)).toBeLessThan(1e-5); // prettier-ignore
});

import * as tf from '@tensorflow/tfjs-core';
import { planAttention, reshapeAndCache } from '@tfjs-attention/core';
import { twinOf } from '../cache_bytes.js';
import { inScope, writeTwin } from '../in_scope.js';
import { pickRows, pickTokens } from '../judged_rows.js';
import { assertWithin } from '../assert.js';
import {
  expectedPaged,
  layBlocks,
  makeCache,
  makePaged,
  prefixSums,
  runPaged,
  slotsOf,
  type PagedCase,
  type PagedData,
} from '../paged_case.js';
import { randomFrom } from '../random.js';
import type { Spec, Subject } from '../subject.js';
import { assertExpected } from '../tolerance.js';
import { pairwise, titleOf } from './grid.js';
import { leavesOf, lineOf, treeBias, type TreePath } from './token_tree.js';

const TEST = 'test_tree_attention';

const TREES: Readonly<Record<string, readonly TreePath[]>> = {
  root: [[0]],
  chain: [[0], [0, 0], [0, 0, 0]],
  binary: [[0], [1], [0, 0], [0, 1], [1, 0], [1, 1]],
  'wide and uneven': [[0], [1], [2], [3], [0, 0], [0, 1], [2, 0], [0, 0, 0], [2, 0, 0], [2, 0, 0, 0]],
}; // prettier-ignore

const AXES = {
  tree: ['root', 'chain', 'binary', 'wide and uneven'],
  heads: [[2, 2], [4, 2]],
  size: [128, 40],
  softCap: [undefined, 50],
  dtype: ['float32', 'bfloat16', 'fp8_e4m3'],
} as const; // prettier-ignore

interface TreeCase extends PagedCase {
  readonly paths: readonly TreePath[];
  readonly context: number;
}

/** `batch` sequences that each verify the tree's tokens after `context` others. */
function treeBatch(tree: keyof typeof TREES, batch: number, context: number) {
  const paths = TREES[tree];
  const tokens = paths.length + 1;
  return {
    paths,
    context,
    queryLens: Array.from({ length: batch }, () => tokens),
    seqLens: Array.from({ length: batch }, () => context + tokens),
  };
}

function cases(batches: readonly number[], contexts: readonly number[]): TreeCase[] {
  const axes = { ...AXES, batch: batches, context: contexts };
  return pairwise(axes).map((point): TreeCase => {
    return {
      name: titleOf(TEST, '', axes, point),
      ...treeBatch(point.tree, point.batch, point.context),
      heads: point.heads,
      size: [point.size, point.size],
      dtype: point.dtype,
      blockSize: 32,
      features: point.softCap === undefined ? {} : { logitsSoftCap: point.softCap },
    };
  });
}

const LONG: TreeCase = {
  name: `upstream ${TEST}: tree binary, batch 1, heads 4/2, context 2048, size 32`,
  ...treeBatch('binary', 1, 2048),
  heads: [4, 2],
  size: [32, 32],
  blockSize: 32,
};

function withTree(data: PagedData, paths: readonly TreePath[]): PagedData {
  const qqBias = treeBias(paths);
  const size = paths.length + 1;
  return {
    ...data,
    made: {
      options: { ...data.made.options, qqBias: tf.tensor2d(qqBias, [size, size]) },
      host: { ...data.made.host, qqBias },
    },
  };
}

/** One branch of every sequence's tree as plain sequences without a tree, in a cache of their own. */
async function attendBranch(
  c: TreeCase,
  data: PagedData,
  line: readonly number[],
  subject: Subject,
) {
  const batch = c.seqLens.length;
  const length = c.paths.length + 1;
  const firstKey = prefixSums(c.seqLens);
  const keys = c.seqLens.flatMap((_, b) => [
    ...Array.from({ length: c.context }, (_, j) => firstKey[b] + j),
    ...line.map((token) => firstKey[b] + c.context + token),
  ]);
  const tokens = c.seqLens.flatMap((_, b) => line.map((token) => b * length + token));
  const seqLens = Array.from({ length: batch }, () => c.context + line.length);
  const { blockTables, numBlocks } = layBlocks(randomFrom('branch'), seqLens, c.blockSize);
  const writePlan = planAttention({
    queryStartLoc: prefixSums(seqLens),
    seqLens: Int32Array.from(seqLens),
    blockTables,
    slotMapping: slotsOf(seqLens, blockTables, c.blockSize),
  });
  const plan = planAttention({
    queryStartLoc: prefixSums(seqLens.map(() => line.length)),
    seqLens: Int32Array.from(seqLens),
    blockTables,
  });
  const cache = makeCache(c, numBlocks);
  const [k, v] = [await pickRows(data.k, keys), await pickRows(data.v, keys)];
  reshapeAndCache(k, v, cache, writePlan);
  const q = await pickRows(data.q, tokens);
  const result = await runPaged({ q, plan, made: data.made }, cache, subject);
  cache.dispose();
  return { ...result, tokens };
}

/** The tree at once is the oracle's, and each way from the root to a leaf alone gives what its tokens got in the tree. */
function treeSpec(c: TreeCase): Spec {
  return {
    name: c.name,
    run: (subject) =>
      inScope(async () => {
        const data = makePaged(c);
        const tree = withTree(data, c.paths);
        const cache = makeCache(c, data.numBlocks);
        const twin = twinOf(cache);
        reshapeAndCache(data.k, data.v, cache, data.writePlan);
        await writeTwin(twin, data.k, data.v, data.writePlan.slotMapping as Int32Array);
        const expected = await expectedPaged(c, tree, twin);
        const whole = await runPaged(tree, cache, subject);
        cache.dispose();
        assertExpected(whole, expected);
        for (const leaf of leavesOf(c.paths)) {
          const branch = await attendBranch(c, data, lineOf(c.paths, leaf), subject);
          for (const name of ['output', 'lse'] as const) {
            const width = whole[name].length / data.plan.numTokens;
            const inTree = pickTokens(whole[name], branch.tokens, width);
            const tolerance = 2 * expected[`${name}Tolerance`];
            assertWithin(`${name} on the way to leaf ${leaf}`, branch[name], inTree, tolerance);
          }
        }
      }),
  };
}

/** vLLM's `test_tree_attention.py`: speculative token trees as a bias among the new tokens. */
export function tree(full: boolean): Spec[] {
  const all = [...cases([1, 5], [16, 70]), LONG];
  return [...all, ...(full ? cases([1, 16, 32], [16, 1024, 2048]) : [])].map(treeSpec);
}

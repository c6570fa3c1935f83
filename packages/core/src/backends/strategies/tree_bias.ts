import { check, checkInt } from '../../problem/checks.js';

/** Nodes of a tree of proposed tokens as paths of child numbers from the root: `[[0], [0, 0], [0, 1]]`. */
export type TreeChoices = readonly (readonly number[])[];

const OP = 'treeChoices';

/** Level by level, and within one from left to right: the order in which the tokens lie in a step. */
export function sortTreeChoices(choices: TreeChoices): TreeChoices {
  const sorted = [...choices].sort(comparePaths);
  const seen = new Set<string>();
  for (const path of sorted) {
    check(
      Array.isArray(path) && path.length > 0,
      OP,
      'a path must be an array of at least one child number; the root has none and is no path',
    );
    path.forEach((child, depth) => checkInt(child, OP, `[${path.join(', ')}][${depth}]`, 0));
    const parent = path.slice(0, -1).join();
    check(
      path.length === 1 || seen.has(parent),
      OP,
      `[${path.join(', ')}] has no parent [${parent}] in the tree; add it`,
    );
    check(!seen.has(path.join()), OP, `[${path.join(', ')}] occurs twice`);
    seen.add(path.join());
  }
  return sorted;
}

function comparePaths(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return a.length - b.length;
  const at = a.findIndex((child, i) => child !== b[i]);
  return at < 0 ? 0 : a[at] - b[at];
}

/** Nodes of each level below the root (vLLM `_get_depth_counts`). */
export function getDepthCounts(sortedTreeChoices: TreeChoices): number[] {
  const counts: number[] = [];
  for (const { length } of sortedTreeChoices) counts[length - 1] = (counts[length - 1] ?? 0) + 1;
  return counts;
}

/**
 * Who sees whom among the tokens of a tree (vLLM `_prepare_tree_attn_bias`): `[L, L]` row-major, L = 1 + nodes, token 0
 * the root. 0 for a node itself, the root and its ancestors, else -Infinity.
 *
 * ```js
 * prepareTreeAttnBias([[0], [0, 0], [0, 1]]);  // row 3 is [0, 0, -Infinity, 0]: [0, 1] does not see its sibling
 * ```
 */
export function prepareTreeAttnBias(sortedTreeChoices: TreeChoices): Float32Array {
  const size = sortedTreeChoices.length + 1;
  const bias = new Float32Array(size * size).fill(-Infinity);
  const rowOf = new Map(sortedTreeChoices.map((path, i) => [path.join(), i + 1]));
  bias[0] = 0;
  sortedTreeChoices.forEach((path, i) => {
    const row = (i + 1) * size;
    bias[row] = 0;
    for (let depth = 1; depth <= path.length; depth++) {
      bias[row + (rowOf.get(path.slice(0, depth).join()) ?? 0)] = 0;
    }
  });
  return bias;
}

/** A node of a speculative token tree: which child to take at each depth. The root has no path and is not listed. */
export type TreePath = readonly number[];

const isPrefix = (a: TreePath, b: TreePath) =>
  a.length <= b.length && a.every((x, i) => x === b[i]);

/** Token indices (0 = root, n + 1 = path n) on the way from the root to a node, itself included. */
export function lineOf(paths: readonly TreePath[], token: number): number[] {
  if (token === 0) return [0];
  const line = paths.flatMap((path, n) => (isPrefix(path, paths[token - 1]) ? [n + 1] : []));
  return [0, ...line];
}

/** The tokens that are nobody's parent. */
export function leavesOf(paths: readonly TreePath[]): number[] {
  return paths.flatMap((path, n) =>
    paths.some((other, m) => m !== n && isPrefix(path, other)) ? [] : [n + 1],
  );
}

/** `[L, L]`, L = paths + 1: 0 on the diagonal, for the root (column 0) and for a node's ancestors, else -Infinity. */
export function treeBias(paths: readonly TreePath[]): Float32Array {
  const size = paths.length + 1;
  const bias = new Float32Array(size * size).fill(-Infinity);
  for (let token = 0; token < size; token++) {
    for (const ancestor of lineOf(paths, token)) bias[token * size + ancestor] = 0;
  }
  return bias;
}

import { parseRef, type NodeDef } from '../topology/graph_def.js';

/**
 * Removes what nobody reads any more. Inputs, results of the graph and nodes that nobody read before stay; `before` holds
 * the names that were read.
 */
export function sweep(
  nodes: readonly NodeDef[],
  outputs: ReadonlySet<string>,
  before: ReadonlySet<string>,
): NodeDef[] {
  let kept = [...nodes];
  for (;;) {
    const read = readNames(kept);
    const alive = kept.filter(
      ({ name, op }) =>
        read.has(name) || outputs.has(name) || !before.has(name) || op.startsWith('Placeholder'),
    );
    if (alive.length === kept.length) return kept;
    kept = alive;
  }
}

/** Names that some node reads. */
export function readNames(nodes: readonly NodeDef[]): Set<string> {
  return new Set(nodes.flatMap((node) => (node.input ?? []).map((ref) => parseRef(ref).node)));
}

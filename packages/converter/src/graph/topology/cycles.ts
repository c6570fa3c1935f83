import { check } from './errors.js';
import { parseRef, type NodeDef } from './graph_def.js';

/** The one op whose output may be read earlier: TensorFlow 1 closes its loops with it. */
const CLOSES_LOOP = 'NextIteration';

/** @throws InvalidArgumentError with the nodes of a cycle that is no loop. */
export function checkAcyclic(where: string, nodes: readonly NodeDef[]): void {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const state = new Map<string, 'open' | 'done'>();
  const before = (node: NodeDef) =>
    (node.input ?? [])
      .map((ref) => byName.get(parseRef(ref).node))
      .filter((found) => found !== undefined && found.op !== CLOSES_LOOP) as NodeDef[];

  for (const start of nodes) {
    if (state.has(start.name)) continue;
    const path = [{ node: start, waiting: before(start) }];
    state.set(start.name, 'open');
    while (path.length > 0) {
      const { node, waiting } = path[path.length - 1];
      const next = waiting.pop();
      if (next === undefined) {
        state.set(node.name, 'done');
        path.pop();
        continue;
      }
      check(state.get(next.name) !== 'open', () => {
        const names = path.map((step) => step.node.name);
        const cycle = [...names.slice(names.indexOf(next.name)), next.name].reverse();
        return `${where} waits for itself: ${cycle.map((name) => `'${name}'`).join(' → ')}`;
      });
      if (state.has(next.name)) continue;
      state.set(next.name, 'open');
      path.push({ node: next, waiting: before(next) });
    }
  }
}

import { dataInputs, parseRef, type NodeDef } from './graph_def.js';

/** One graph, the main one or a function's body, with producers and consumers at hand. Changes nothing. */
export class GraphView {
  private readonly byName: Map<string, NodeDef>;
  private readonly users = new Map<string, NodeDef[]>();

  /** @param outputs names of the nodes that the graph returns. */
  constructor(
    readonly label: string,
    readonly nodes: readonly NodeDef[],
    readonly outputs: ReadonlySet<string>,
  ) {
    this.byName = new Map(nodes.map((node) => [node.name, node]));
    for (const node of nodes) {
      for (const name of new Set((node.input ?? []).map((ref) => parseRef(ref).node))) {
        const users = this.users.get(name);
        if (users === undefined) this.users.set(name, [node]);
        else users.push(node);
      }
    }
  }

  node(name: string): NodeDef | undefined {
    return this.byName.get(name);
  }

  /** The node whose first output `ref` names; nothing for other outputs and for a function's arguments. */
  producer(ref: string): NodeDef | undefined {
    const { node, output } = parseRef(ref);
    return output === 0 ? this.byName.get(node) : undefined;
  }

  consumers(name: string): readonly NodeDef[] {
    return this.users.get(name) ?? [];
  }

  /** Producer of a node's input number `index`. */
  inputNode(node: NodeDef, index: number): NodeDef | undefined {
    const ref = dataInputs(node).at(index);
    return ref === undefined ? undefined : this.producer(ref);
  }
}

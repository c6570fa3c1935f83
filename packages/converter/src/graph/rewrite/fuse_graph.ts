import { matchAttention, type AttentionMatch } from '../match/attention.js';
import { Refusal } from '../match/context.js';
import { matchSoftmax } from '../match/softmax.js';
import type { Preference } from '../program/program.js';
import { Constants } from '../topology/constants.js';
import type { NodeDef } from '../topology/graph_def.js';
import { GraphView } from '../topology/graph_view.js';
import type { Weights } from '../topology/weights.js';
import { fusedNode, shapeNode } from './fused_node.js';
import { featuresOf, type FusedAttention, type SkippedSoftmax } from './report.js';
import { readNames, sweep } from './sweep.js';

export interface FuseGraphOptions {
  prefer: Preference;
  /** Reasons against fusing the softmax of this name; none fuses it. */
  veto: (graph: string, node: string) => string | undefined;
}

export interface FusedGraph {
  nodes: readonly NodeDef[];
  fused: (FusedAttention & { softmax: string })[];
  skipped: SkippedSoftmax[];
}

/** Fuses what can be fused in one graph; the nodes given are not changed. */
export function fuseGraph(
  graph: GraphView,
  weights: Weights,
  options: FuseGraphOptions,
): FusedGraph {
  const found: FusedGraph = { nodes: graph.nodes, fused: [], skipped: [] };
  for (const { name } of graph.nodes) {
    const view = new GraphView(graph.label, found.nodes, graph.outputs);
    const context = { graph: view, constants: new Constants(view, weights) };
    const node = view.node(name);
    const softmax = node === undefined ? undefined : matchSoftmax(context, node);
    if (softmax === undefined) continue;
    const skip = (reason: string) => found.skipped.push({ node: name, graph: graph.label, reason });
    const vetoed = options.veto(graph.label, name);
    const match = vetoed === undefined ? matchAttention(context, softmax) : new Refusal(vetoed);
    if (match instanceof Refusal) {
      skip(match.reason);
      continue;
    }
    const nodes = replace(view, match, options.prefer);
    const twice = stillRead(match, nodes);
    if (twice !== undefined) {
      skip(twice);
      continue;
    }
    found.nodes = nodes;
    found.fused.push({
      node: match.end.name,
      graph: graph.label,
      features: featuresOf(match),
      softmax: name,
    });
  }
  return found;
}

function replace(graph: GraphView, match: AttentionMatch, prefer: Preference): NodeDef[] {
  const nodes = graph.nodes.map((node) => {
    if (node === match.end) return fusedNode(match, prefer);
    const shape = match.shapes.find((entry) => entry.node === node);
    return shape === undefined ? node : shapeNode(match, node.name, shape.axes);
  });
  return sweep(nodes, graph.outputs, readNames(graph.nodes));
}

/** Scores or weights that something else still needs would be computed twice. */
function stillRead(match: AttentionMatch, nodes: readonly NodeDef[]): string | undefined {
  const inside = match.inside.find((node) => nodes.includes(node));
  if (inside === undefined) return undefined;
  const reader = nodes.find((node) => readNames([node]).has(inside.name));
  return reader === undefined
    ? `the graph returns ${inside.op} '${inside.name}'`
    : `${inside.op} '${inside.name}' is still needed by ${reader.op} '${reader.name}'`;
}

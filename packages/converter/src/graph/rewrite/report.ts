import type { AttentionMatch } from '../match/attention.js';

/** One attention that became one node. */
export interface FusedAttention {
  /** Name of the fused node, which the last replaced node had. */
  node: string;
  /** 'main graph', or the name of a function of the library (a While body, an If branch). */
  graph: string;
  /** What was recognised beside the two products, e.g. 'scale', 'causal', 'bias', 'mask', 'grouped heads'. */
  features: readonly string[];
}

/** A softmax that was left as it is. */
export interface SkippedSoftmax {
  node: string;
  graph: string;
  reason: string;
}

export interface FusionReport {
  fused: readonly FusedAttention[];
  skipped: readonly SkippedSoftmax[];
  /** Nodes of all graphs before and after. */
  nodes: { before: number; after: number };
}

export const WORDS = {
  scale: 'scale',
  multiply: 'computed scale',
  divide: 'computed scale',
  add: 'bias',
  subtract: 'bias',
  tanh: 'soft cap',
  select: 'mask',
  causal: 'causal',
  reshape: 'merged heads',
  reshape_to: 'merged heads',
} as const;

export function featuresOf(match: AttentionMatch): string[] {
  const words = new Set<string>();
  for (const step of match.steps) {
    words.add(step.op === 'causal' && step.left !== undefined ? 'sliding window' : WORDS[step.op]);
  }
  if ('repeat' in match.key) words.add('grouped heads');
  if (match.query.transposes + match.key.transposes + match.value.transposes > 0)
    words.add('transposes');
  return [...words];
}

/** The report in lines, as the command line prints it. */
export function formatReport({ fused, skipped, nodes }: FusionReport): string {
  const place = (graph: string) => (graph === MAIN ? '' : ` (function ${graph})`);
  const lines = [
    `${fused.length} fused, ${skipped.length} skipped, ${nodes.before} nodes became ${nodes.after}`,
    ...fused.map(
      ({ node, graph, features }) =>
        `fused    ${node}${place(graph)}${features.length > 0 ? `: ${features.join(', ')}` : ''}`,
    ),
    ...skipped.map(({ node, graph, reason }) => `skipped  ${node}${place(graph)}: ${reason}`),
  ];
  return lines.join('\n');
}

export const MAIN = 'main graph';

import { keepsValue } from '../topology/constants.js';
import { dataInputs, parseRef, type NodeDef } from '../topology/graph_def.js';
import { describe, Refusal, refuse, type Context } from './context.js';
import { peel, type Peeled } from './operand.js';
import { isProduct, readOutput, type OutputProduct } from './product.js';
import { unrepeat, type Unrepeated } from './repeated_heads.js';
import { traceScores, type DraftStep } from './scores.js';
import type { SoftmaxMatch } from './softmax.js';

type Found = Peeled | Unrepeated;

/** An attention subgraph: what it reads, what it does and which node it ends in. */
export interface AttentionMatch {
  query: Found;
  key: Found;
  value: Found;
  steps: readonly DraftStep[];
  /** Canonical axis for each axis of the result; absent = as they are. */
  out?: readonly number[];
  /** The node whose name the fused one takes. */
  end: NodeDef;
  /** Nodes that ask for the shape of a product that the fused node no longer shows, with its axes in the result. */
  shapes: readonly { node: NodeDef; axes: readonly number[] }[];
  /** Nodes that must be gone afterwards, or the work would be done twice. */
  inside: readonly NodeDef[];
}

/** Reads the attention around a softmax, or says why it is none. */
export function matchAttention(context: Context, softmax: SoftmaxMatch): AttentionMatch | Refusal {
  const weights = followWeights(context, softmax.node);
  if (weights instanceof Refusal) return weights;
  const output = readOutput(weights.product, weights.operand);
  const chain = traceScores(context, softmax.input);
  if (chain instanceof Refusal) return chain;
  if (output instanceof Refusal) return output;

  const key = peel(context, chain.product.key, true);
  const query = peel(context, chain.product.query, true);
  const value = peel(context, output.value, false);
  for (const [name, { ref }] of Object.entries({ keys: key, values: value })) {
    if (context.constants.isConstant(ref))
      return refuse(`its ${name} are weights: a dense layer, not attention`);
  }
  const scale = query.scale * key.scale;
  const heads = ungroup(context, key, value);
  const end = absorbTranspose(context, output);
  return {
    query,
    ...heads,
    steps: scale === 1 ? chain.steps : [{ op: 'scale', by: scale }, ...chain.steps],
    ...end,
    inside: [chain.product.node, softmax.node],
  };
}

/** The product that the weights of a softmax go into, and as which operand. */
function followWeights(
  { graph }: Context,
  softmax: NodeDef,
): { product: NodeDef; operand: 0 | 1 } | Refusal {
  let node = softmax;
  for (;;) {
    const users = graph.consumers(node.name);
    if (graph.outputs.has(node.name)) return refuse('the graph returns its weights');
    const products = users.filter((user) => user.op !== 'Shape');
    if (products.length === 0) return refuse('nothing reads its weights');
    const [next, second] = products;
    if (second !== undefined) {
      return refuse(`its weights are also read by ${describe(isProduct(next) ? second : next)}`);
    }
    if (isProduct(next)) {
      const [left, right] = dataInputs(next).map((ref) => parseRef(ref).node === node.name);
      if (left && right) return refuse('its weights are multiplied by themselves');
      return { product: next, operand: left ? 0 : 1 };
    }
    if (!keepsValue(next))
      return refuse(`its weights go into ${describe(next)}, not into a product with values`);
    node = next;
  }
}

/** Takes repeated heads back to the groups that they came from, keys and values alike. */
function ungroup(context: Context, key: Peeled, value: Peeled): { key: Found; value: Found } {
  const [keys, values] = [unrepeat(context, key), unrepeat(context, value)];
  return keys !== undefined && values !== undefined && keys.repeat === values.repeat
    ? { key: keys, value: values }
    : { key, value };
}

const SWAPS_HEADS_AND_TOKENS = '0,2,1,3';

/** A transpose of heads and tokens right behind the product becomes the layout in which the fused node writes. */
function absorbTranspose(
  { graph, constants }: Context,
  { node, out }: OutputProduct,
): Pick<AttentionMatch, 'end' | 'shapes' | 'out'> {
  const asIs = { end: node, shapes: [], ...(out === undefined ? {} : { out }) };
  if (out !== undefined || graph.outputs.has(node.name)) return asIs;
  const users = graph.consumers(node.name);
  const transposes = users.filter((user) => user.op === 'Transpose');
  const shapes = users.filter((user) => user.op === 'Shape');
  if (transposes.length !== 1 || users.length !== shapes.length + 1) return asIs;
  const [transpose] = transposes;
  const axes = constants.integers(dataInputs(transpose)[1]);
  if (axes?.join() !== SWAPS_HEADS_AND_TOKENS) return asIs;
  return { end: transpose, out: axes, shapes: shapes.map((shape) => ({ node: shape, axes })) };
}

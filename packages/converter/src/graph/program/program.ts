/**
 * What one fused node computes, as its attribute carries it. Inputs are numbered as the node lists them: 0 query, 1 key,
 * 2 value, then the tensors that steps read.
 */
export interface AttentionProgram {
  query: Operand;
  key: Operand;
  value: Operand;
  /** Axes of the result among the canonical ones `[..., tokens, size]`; absent = as they are. */
  out?: readonly number[];
  /** From the products to the softmax, in the order in which the graph did them. */
  steps: readonly Step[];
  prefer: Preference;
}

/** 'auto' takes the faster by measurement; 'fused' and 'stock' insist. */
export type Preference = 'auto' | 'fused' | 'stock';

/** Brings an input into the canonical axes `[..., tokens, size]`. */
export interface Operand {
  /** Axis of the input for each canonical axis, -1 for an axis of length 1 that the input lacks. */
  axes?: readonly number[];
  /** Only without `axes`: the last two axes change places. */
  swap?: boolean;
  /** Each head stands for this many query heads. Absent = 1. */
  repeat?: number;
}

export type Step =
  | { op: 'scale'; by: number }
  | { op: 'multiply' | 'divide' | 'add' | 'subtract'; input: number }
  | { op: 'tanh' }
  /** Keeps scores where the condition is `keep`; the others become `fill`. `expand`: axes inserted into it, in order. */
  | { op: 'select'; input: number; keep: boolean; fill: number; expand?: readonly number[] }
  /** Query i keeps keys `i + offset - left` to `i + offset`; `rows` and `columns` where the graph fixed them. */
  | { op: 'causal'; offset: number; left?: number; fill: number; rows?: number; columns?: number }
  /** Merges or splits the axes before the last two. */
  | { op: 'reshape'; shape: readonly number[] }
  | { op: 'reshape_to'; input: number };

/** tfjs op name of a fused attention. */
export const ATTENTION_OP = 'TfjsAttnGraph';
/** tfjs op name of the shape that a removed transpose's input had. */
export const SHAPE_OP = 'TfjsAttnGraphShape';

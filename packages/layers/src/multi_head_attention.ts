import type { serialization } from '@tensorflow/tfjs-core';
import { KerasAttention } from './keras_attention.js';
import { checkCount, type KerasAttentionArgs } from './options.js';

export interface MultiHeadAttentionArgs extends KerasAttentionArgs {
  /** N */
  numHeads: number;
  /** H */
  keyDim: number;
  /** Hv; default keyDim. */
  valueDim?: number | null;
  /** Features of the output, one axis or several; default those of the query. */
  outputShape?: number | readonly number[] | null;
  /** Axes that are attended over; default all between the batch and the features. */
  attentionAxes?: number | readonly number[] | null;
}

/**
 * Keras 3.15's `keras.layers.MultiHeadAttention`: projections, attention, output projection; the same weights give the same
 * outputs. Inputs `[query, value, key, attentionMask]`, as many as there are: query `[B, T, D]`, value and key `[B, S, D]`
 * (default: the query, the value), attentionMask broadcasts to `[B, N, T, S]`, true (or not 0) = may attend. Output
 * `[B, T, D]`, with `returnAttentionScores` also the weights `[B, N, T, S]`.
 *
 * Masks of value and key come by name (`valueMask`, `keyMask`, bool `[B, S]`) or on their tensors, that of the query on its
 * tensor only, as in Keras 3.15: `queryMask` by name changes nothing here. A row that sees no key gets the mean of all
 * values, as Keras's softmax gives it; with scores, dropout or several attended axes 0.
 *
 * Weights, in order: `query/kernel [D, N, H]`, `query/bias [N, H]`, `key/...`, `gate/...` (with useGate), `value/kernel
 * [D, N, Hv]`, `value/bias`, `attention_output/kernel [N, Hv, D]`, `attention_output/bias [D]`.
 *
 * ```js
 * const attention = new MultiHeadAttention({numHeads: 2, keyDim: 16, useCausalMask: true});
 * attention.apply(x);                                     // token 0 sees itself only
 * attention.apply([x, memory], {useCausalMask: false});   // outside a model Keras's call options work too
 * ```
 *
 * @throws InvalidArgumentError for a config or shape that does not fit.
 */
export class MultiHeadAttention extends KerasAttention {
  static className = 'MultiHeadAttention';
  /** Keras 3.15 overwrites the argument by the mask on the query. */
  protected override readonly takesQueryMask = false;
  private readonly config;

  constructor(args: MultiHeadAttentionArgs) {
    const op = `${new.target.name}${args.name === undefined ? '' : ` '${args.name}'`}`;
    const { numHeads, keyDim } = args;
    const valueDim = args.valueDim ?? keyDim;
    checkCount(op, 'numHeads', numHeads);
    checkCount(op, 'keyDim', keyDim);
    checkCount(op, 'valueDim', valueDim);
    const listed = (axes: number | readonly number[] | null | undefined) =>
      axes == null ? null : typeof axes === 'number' ? [axes] : [...axes];
    const outputShape = listed(args.outputShape);
    for (const axis of outputShape ?? []) checkCount(op, 'outputShape', axis);
    const attentionAxes = listed(args.attentionAxes);
    super(
      args,
      { numHeads, numKvHeads: numHeads, headSize: keyDim, valueHeadSize: valueDim },
      attentionAxes,
    );
    this.config = { numHeads, keyDim, valueDim, outputShape, attentionAxes };
  }

  protected override outputFeatures(queryFeatures: number): readonly number[] {
    return this.config.outputShape ?? [queryFeatures];
  }

  override getConfig(): serialization.ConfigDict {
    return { ...super.getConfig(), ...this.config };
  }
}

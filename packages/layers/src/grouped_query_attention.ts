import type { serialization } from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '@tfjs-attention/core';
import { KerasAttention } from './keras_attention.js';
import { checkCount, type KerasAttentionArgs } from './options.js';

export interface GroupedQueryAttentionArgs extends KerasAttentionArgs {
  /** H */
  headDim: number;
  /** N */
  numQueryHeads: number;
  /** K; divides N. */
  numKeyValueHeads: number;
}

/**
 * Keras 3.15's `keras.layers.GroupQueryAttention`: as {@link MultiHeadAttention}, with N / K query heads to a KV head. Keras
 * repeats keys and values N / K times before its product; here a group reads the one head it has.
 *
 * Inputs and outputs as there, for query `[B, T, D]`. Weights: `query/kernel [D, N, H]`, `key/kernel [D, K, H]`, `gate/kernel
 * [D, N, H]` (with useGate), `value/kernel [D, K, H]`, `attention_output/kernel [N, H, D]`, each followed by its bias.
 *
 * ```js
 * new GroupedQueryAttention({headDim: 64, numQueryHeads: 8, numKeyValueHeads: 1});  // multi-query attention
 * ```
 *
 * @throws InvalidArgumentError where N is no multiple of K, or a config or shape does not fit.
 */
export class GroupedQueryAttention extends KerasAttention {
  /** As Keras writes it; 'GroupedQueryAttention' is read too. */
  static className = 'GroupQueryAttention';
  protected override readonly takesQueryMask = true;
  private readonly config;

  constructor(args: GroupedQueryAttentionArgs) {
    const op = `${new.target.name}${args.name === undefined ? '' : ` '${args.name}'`}`;
    const { headDim, numQueryHeads, numKeyValueHeads } = args;
    checkCount(op, 'headDim', headDim);
    checkCount(op, 'numQueryHeads', numQueryHeads);
    checkCount(op, 'numKeyValueHeads', numKeyValueHeads);
    if (numQueryHeads % numKeyValueHeads !== 0) {
      throw new InvalidArgumentError(
        `${op}: numQueryHeads ${numQueryHeads} must be a multiple of numKeyValueHeads ${numKeyValueHeads}`,
      );
    }
    super(
      args,
      {
        numHeads: numQueryHeads,
        numKvHeads: numKeyValueHeads,
        headSize: headDim,
        valueHeadSize: headDim,
      },
      [1],
    );
    this.config = { headDim, numQueryHeads, numKeyValueHeads };
  }

  protected override outputFeatures(queryFeatures: number): readonly number[] {
    return [queryFeatures];
  }

  override getConfig(): serialization.ConfigDict {
    return { ...super.getConfig(), ...this.config };
  }
}

import type { layers } from '@tensorflow/tfjs-layers';
import { InvalidArgumentError } from '@tfjs-attention/core';
import { readCallInputs, type CallInput } from './call_inputs.js';
import {
  readObject,
  writeObject,
  type Constraint,
  type Given,
  type Initializer,
  type Regularizer,
} from './keras_objects.js';

export type LayerArgs = NonNullable<ConstructorParameters<typeof layers.Layer>[0]>;

/** Options that every Keras attention layer has, by Keras 3.15's names in camel case. */
export interface KerasAttentionArgs extends LayerArgs {
  /** Share of attention weights dropped while training, 0 (default) to 1. */
  dropout?: number;
  /** Whether the projections have biases. Default true. */
  useBias?: boolean;
  /** Multiply the attention's output by a sigmoid of a projection of the query (arXiv 2505.06708). Default false. */
  useGate?: boolean;
  /** Query i sees key j where |i - j| < slidingWindow. Default null: all keys. */
  slidingWindow?: number | null;
  /**
   * null (default): fused kernels wherever they can serve. true: the same, and dropout or scores are refused as in Keras.
   * false: composed tfjs ops.
   */
  flashAttention?: boolean | null;
  /** Default 'glorotUniform'. */
  kernelInitializer?: Given<Initializer>;
  /** Default 'zeros'. */
  biasInitializer?: Given<Initializer>;
  kernelRegularizer?: Given<Regularizer>;
  biasRegularizer?: Given<Regularizer>;
  /** Adds a loss over the output of every projection while training. */
  activityRegularizer?: Given<Regularizer>;
  kernelConstraint?: Given<Constraint>;
  biasConstraint?: Given<Constraint>;
  /** Makes dropout repeatable. */
  seed?: number | null;
  /** Keras's call option of that name; tfjs hands no call options to layers of a model. Default false. */
  useCausalMask?: boolean;
  /** Keras's call option of that name: the output is `[output, scores]`. Default false. */
  returnAttentionScores?: boolean;
  /** What the inputs are, in order; default `[query, value, key, attentionMask]`, as many as there are. */
  callInputs?: readonly CallInput[] | null;
}

/** {@link KerasAttentionArgs} with defaults in place. */
export type KerasAttentionOptions = ReturnType<typeof readOptions>;

/** @throws InvalidArgumentError for a value that Keras refuses too. */
export function readOptions(op: string, args: KerasAttentionArgs) {
  const { dropout = 0, slidingWindow = null, flashAttention = null } = args;
  const require = (holds: boolean, message: string) => {
    if (!holds) throw new InvalidArgumentError(`${op}: ${message}`);
  };
  require(typeof dropout === 'number' &&
    dropout >= 0 &&
    dropout <= 1, `dropout must be a number from 0 to 1, got ${String(dropout)}`);
  require(slidingWindow === null ||
    isCount(
      slidingWindow,
    ), `slidingWindow must be null or a positive integer, got ${String(slidingWindow)}`);
  require(!(
    flashAttention === true && dropout > 0
  ), `dropout ${dropout} excludes flashAttention: true; leave flashAttention null to have it wherever it can serve`);
  require(!(
    flashAttention === true && args.returnAttentionScores === true
  ), 'returnAttentionScores excludes flashAttention: true, which keeps no scores; leave flashAttention null');
  return {
    dropout,
    useBias: args.useBias ?? true,
    useGate: args.useGate ?? false,
    slidingWindow,
    flashAttention,
    kernelInitializer: readObject(
      op,
      'kernelInitializer',
      args.kernelInitializer ?? 'glorotUniform',
    ) as Initializer,
    biasInitializer: readObject(
      op,
      'biasInitializer',
      args.biasInitializer ?? 'zeros',
    ) as Initializer,
    kernelRegularizer: readObject(op, 'kernelRegularizer', args.kernelRegularizer),
    biasRegularizer: readObject(op, 'biasRegularizer', args.biasRegularizer),
    activityRegularizer: readObject(op, 'activityRegularizer', args.activityRegularizer),
    kernelConstraint: readObject(op, 'kernelConstraint', args.kernelConstraint),
    biasConstraint: readObject(op, 'biasConstraint', args.biasConstraint),
    seed: args.seed ?? null,
    useCausalMask: args.useCausalMask ?? false,
    returnAttentionScores: args.returnAttentionScores ?? false,
    callInputs: readCallInputs(op, args.callInputs),
  };
}

/** The options as tfjs-layers serialises them: names as in Keras's own configs once they are in snake case. */
export function writeOptions(options: KerasAttentionOptions) {
  const { callInputs, useCausalMask, returnAttentionScores, flashAttention, ...kerasOptions } =
    options;
  return {
    ...kerasOptions,
    kernelInitializer: writeObject(options.kernelInitializer),
    biasInitializer: writeObject(options.biasInitializer),
    kernelRegularizer: writeObject(options.kernelRegularizer),
    biasRegularizer: writeObject(options.biasRegularizer),
    activityRegularizer: writeObject(options.activityRegularizer),
    kernelConstraint: writeObject(options.kernelConstraint),
    biasConstraint: writeObject(options.biasConstraint),
    // Keras's own configs lack these, so they are written only where they say something.
    ...(flashAttention !== null && { flashAttention }),
    ...(useCausalMask && { useCausalMask }),
    ...(returnAttentionScores && { returnAttentionScores }),
    ...(callInputs && { callInputs: [...callInputs] }),
  };
}

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}

/** @throws InvalidArgumentError unless the value is a positive integer. */
export function checkCount(op: string, name: string, value: unknown): asserts value is number {
  if (!isCount(value)) {
    throw new InvalidArgumentError(
      `${op}: ${name} must be a positive integer, got ${String(value)}`,
    );
  }
}

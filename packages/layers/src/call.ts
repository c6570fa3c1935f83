import { reshape, Tensor } from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '@tfjs-attention/core';
import { gatherInputs, type CallInput } from './call_inputs.js';
import { ownMask } from './mask_tensor.js';
import type { KerasAttentionOptions } from './options.js';
import type { Masks } from './visibility.js';

/** What a call may bring by name: Keras's call arguments in camel case. */
export interface CallKwargs extends Partial<Record<CallInput, unknown>> {
  useCausalMask?: boolean;
  returnAttentionScores?: boolean;
  training?: boolean | null;
  /** What tfjs knows of the first input's mask. */
  mask?: Tensor | (Tensor | null)[] | null;
  /** @internal */
  callInputs?: readonly CallInput[];
}

/** One call's tensors and options, by name. */
export interface KerasCall extends Masks {
  query: Tensor;
  value: Tensor;
  key: Tensor;
  cache: Tensor | null;
  /** A tensor, so that a model can have it as an input, or a host number. */
  cacheUpdateIndex: Tensor | number | null;
  useCausalMask: boolean;
  returnAttentionScores: boolean;
  training: boolean;
}

/**
 * Reads a call. Masks come by name, else as Keras masks: tfjs hands over that of the first input (believed only where
 * `trustMask`, since it passes one object from layer to layer), others stand on their tensors. A query mask by name counts where `takeQueryMask`.
 */
export function readCall(
  op: string,
  inputs: Tensor | Tensor[],
  kwargs: CallKwargs & Record<string, unknown>,
  callInputs: readonly CallInput[] | null,
  options: KerasAttentionOptions,
  { trustMask, takeQueryMask }: { trustMask: boolean; takeQueryMask: boolean },
): KerasCall {
  const { list, names } = gatherInputs(op, inputs, kwargs, callInputs);
  const find = (name: CallInput) => (list[names.indexOf(name)] as Tensor | undefined) ?? null;
  for (const [index, tensor] of list.entries()) {
    if (tensor instanceof Tensor) continue;
    throw new InvalidArgumentError(
      `${op}: ${names[index]} must be a tf.Tensor, got ${typeof tensor}`,
    );
  }
  const query = list[0] as Tensor;
  const value = find('value') ?? query;
  const key = find('key') ?? value;
  checkRanks(op, query, value, key);
  const given = takeQueryMask ? find('queryMask') : null;
  const queryMask = given ?? (trustMask ? firstMask(kwargs.mask, query) : null) ?? ownMask(query);
  const maskOf = (tensor: Tensor) => (tensor === query ? queryMask : ownMask(tensor));
  const returnAttentionScores = kwargs.returnAttentionScores ?? options.returnAttentionScores;
  if (returnAttentionScores && options.flashAttention === true) {
    throw new InvalidArgumentError(
      `${op}: returnAttentionScores excludes flashAttention: true, which keeps no scores; leave flashAttention null`,
    );
  }
  const index = kwargs.cacheUpdateIndex;
  return {
    query,
    value,
    key,
    queryMask,
    valueMask: find('valueMask') ?? maskOf(value),
    keyMask: find('keyMask') ?? (key === value ? null : maskOf(key)),
    attentionMask: find('attentionMask'),
    cache: find('cache'),
    cacheUpdateIndex: find('cacheUpdateIndex') ?? (typeof index === 'number' ? index : null),
    useCausalMask: kwargs.useCausalMask ?? options.useCausalMask,
    returnAttentionScores,
    training: kwargs.training ?? false,
  };
}

/** tfjs's merge layers put an axis before a mask's. */
function firstMask(mask: CallKwargs['mask'], query: Tensor): Tensor | null {
  const first = Array.isArray(mask) ? mask[0] : mask;
  if (first == null || first.isDisposed) return null;
  const [batch, length] = query.shape as [number, number];
  const { rank, shape, size } = first;
  const fits = size === batch * length && (rank === 2 || (rank === 3 && shape[0] === 1));
  return fits ? reshape(first, [batch, length]) : null;
}

function checkRanks(op: string, query: Tensor, value: Tensor, key: Tensor): void {
  const between = (x: Tensor) => String(x.shape.slice(1, -1));
  if (query.rank >= 3 && value.rank === query.rank && key.rank === query.rank) {
    if (between(value) === between(key) && value.shape[0] === query.shape[0]) return;
  }
  throw new InvalidArgumentError(
    `${op}: query, value and key must have one rank [B, ..., D] and batch, value and key one length, got ` +
      [query, value, key].map((x) => `[${x.shape.join(', ')}]`).join(', '),
  );
}

import {
  cast,
  clipByValue,
  concat,
  gather,
  greaterEqual,
  less,
  logicalAnd,
  range,
  reshape,
  slice,
  stack,
  sub,
  where,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '@tfjs-attention/core';
import type { KerasCall } from './call.js';
import type { CallInput } from './call_inputs.js';
import type { KeysAndValues, Shape } from './keras_attention.js';
import { MultiHeadAttention } from './multi_head_attention.js';

/**
 * KerasHub's `CachedMultiHeadAttention`: {@link MultiHeadAttention} with call inputs `cache` `[B, 2, S, N, H]`, keys then
 * values, and `cacheUpdateIndex`. With an index the call's keys and values are put into the cache from there on; without one
 * only the cache is read. All S places of the cache are attended to but for the `attentionMask`: mask those not yet written.
 * Returns `[output, cache]`, with scores `[output, scores, cache]`; without a cache as MultiHeadAttention.
 *
 * `cacheUpdateIndex` is a number, or an int32 scalar tensor (nothing is read back), in a model of shape `[B, 1]` with one
 * value for the batch. The cache is a tensor and copied by an update; for long caches that are written in place see core's
 * `KvCache`.
 *
 * ```js
 * const [y, cache] = layer.apply([x, x], {cache: tf.zeros([1, 2, 8, 2, 4]), cacheUpdateIndex: 7});  // fills the last place
 * ```
 *
 * @throws InvalidArgumentError for a cache of another shape, an index without a cache, or keys past its end.
 */
export class CachedMultiHeadAttention extends MultiHeadAttention {
  static override className = 'CachedMultiHeadAttention';

  protected override keysAndValues(call: KerasCall): KeysAndValues {
    const { cache, cacheUpdateIndex: index } = call;
    if (cache === null) {
      if (index === null) return super.keysAndValues(call);
      throw new InvalidArgumentError(
        `${this.op}: cacheUpdateIndex without a cache; give cache [B, 2, S, N, H] too`,
      );
    }
    this.checkCache(call, cache);
    const [keys, values] = [0, 1].map((part) => half(cache, part));
    if (index === null) return { k: keys, v: values, extra: [cache.clone()] };
    const k = this.put(keys, this.project('key', call), index);
    const v = this.put(values, this.project('value', call), index);
    return { k, v, extra: [stack([k, v], 1)] };
  }

  protected override extraShapes(shapeOf: (name: CallInput) => Shape | null): Shape[] {
    const cache = shapeOf('cache');
    return cache === null ? [] : [cache];
  }

  /** `update` in place of the rows of `cache` from `index` on. */
  private put(cache: Tensor, update: Tensor, index: Tensor | number): Tensor {
    const [batch, length, heads, headSize] = cache.shape as [number, number, number, number];
    const added = update.shape[1] as number;
    if (typeof index === 'number') {
      if (!Number.isInteger(index) || index < 0 || index + added > length) {
        throw new InvalidArgumentError(
          `${this.op}: cacheUpdateIndex ${index} with ${added} new tokens must lie inside a cache of ${length}`,
        );
      }
      const after = length - index - added;
      const parts = [
        slice(cache, [0, 0, 0, 0], [batch, index, heads, headSize]),
        update,
        slice(cache, [0, index + added, 0, 0], [batch, after, heads, headSize]),
      ];
      return concat(
        parts.filter(({ size }) => size > 0),
        1,
      );
    }
    const flat = reshape(index, [-1]);
    const place = sub(range(0, length, 1, 'int32'), cast(slice(flat, [0], [1]), 'int32'));
    const inside = logicalAnd(greaterEqual(place, 0), less(place, added));
    const spread = gather(update, cast(clipByValue(place, 0, added - 1), 'int32'), 1);
    return where(reshape(inside, [1, length, 1, 1]), spread, cache);
  }

  private checkCache({ query }: KerasCall, cache: Tensor): void {
    const { numHeads, headSize, valueHeadSize } = this.heads;
    const { shape } = cache;
    const fits =
      cache.rank === 5 && shape[0] === query.shape[0] && shape[1] === 2 && shape[3] === numHeads;
    if (fits && shape[4] === headSize && headSize === valueHeadSize) return;
    throw new InvalidArgumentError(
      `${this.op}: cache must be [B, 2, S, N, H] = [${query.shape[0]}, 2, S, ${numHeads}, ${headSize}] with valueDim equal ` +
        `to keyDim (${valueHeadSize}, ${headSize}), got [${shape.join(', ')}]`,
    );
  }
}

function half(cache: Tensor, part: number): Tensor {
  const [batch, , length, heads, headSize] = cache.shape as [
    number,
    number,
    number,
    number,
    number,
  ];
  const cut = slice(cache, [0, part, 0, 0, 0], [batch, 1, length, heads, headSize]);
  return reshape(cut, [batch, length, heads, headSize]);
}

import { reshape, split, type Tensor } from '@tensorflow/tfjs-core';
import { check, shapeText } from '../problem/checks.js';
import type { AttentionConfig } from './attention_config.js';

/** What of a layer's config says how its inputs look. */
export type HeadsConfig = Pick<
  AttentionConfig,
  'numHeads' | 'numKvHeads' | 'headSize' | 'valueHeadSize' | 'attnType' | 'kvSharingTargetLayerName'
>;

/** q, k, v with heads as an axis of their own, and how q came. */
export interface SplitHeads {
  q: Tensor;
  /** Null: q came alone. */
  k: Tensor | null;
  v: Tensor | null;
  /** The fourth input. */
  mask: Tensor | null;
  /** Leading axes of q, e.g. [B, S] or [T]. */
  leading: readonly number[];
  /** q came as [*, N, H]. */
  apart: boolean;
}

/**
 * Takes `[q, k, v]`, each `[*, N*H]` or `[*, N, H]`, with a mask behind them if there is one, or one packed
 * `[*, (N+K)*H + K*Hv]`, or, where keys are read that others wrote (`queryOnly`: surely), q alone.
 */
export function splitHeads(
  op: string,
  inputs: readonly Tensor[],
  config: HeadsConfig,
  queryOnly = false,
): SplitHeads {
  const { numHeads, numKvHeads, headSize, valueHeadSize } = config;
  check(
    inputs.length === 1 || inputs.length === 3 || inputs.length === 4,
    op,
    `inputs must be [q, k, v], [q, k, v, mask] or one packed tensor, got ${inputs.length} tensors`,
  );
  const [first] = inputs;
  const alone = inputs.length === 1 && (queryOnly || readsOnly(first, config));
  const packed = inputs.length === 1 && !alone;
  const [q, k, v, mask] = packed ? unpack(op, first, config) : inputs;
  const apart = isApart(q.shape, numHeads, headSize);
  const rank = q.rank - (apart ? 2 : 1);
  const withHeads = (name: string, x: Tensor, heads: number, size: number) => {
    const tail = x.shape.slice(rank);
    check(
      (tail.length === 1 && tail[0] === heads * size) ||
        (tail.length === 2 && tail[0] === heads && tail[1] === size),
      op,
      `${name} ${shapeText(x.shape)} must end in [${heads * size}] or [${heads}, ${size}] after ${rank} leading axes`,
    );
    return tail.length === 2 ? x : reshape(x, [...x.shape.slice(0, rank), heads, size]);
  };
  return {
    q: withHeads('q', q, numHeads, headSize),
    k: alone ? null : withHeads('k', k, numKvHeads, headSize),
    v: alone ? null : withHeads('v', v, numKvHeads, valueHeadSize),
    mask: mask ?? null,
    leading: q.shape.slice(0, rank),
    apart,
  };
}

/** Layers that write no cache of their own, or wrote it in an earlier step, may be given q alone. */
function readsOnly(q: Tensor, config: HeadsConfig): boolean {
  const { numHeads, headSize, attnType, kvSharingTargetLayerName } = config;
  if (attnType !== 'encoder_decoder' && kvSharingTargetLayerName === null) return false;
  return isApart(q.shape, numHeads, headSize) || q.shape[q.rank - 1] === numHeads * headSize;
}

/** Whether a q of this shape is [*, N, H]. One head leaves it open below rank 4: then it is [*, N*H]. */
export function isApart(shape: readonly (number | null)[], heads: number, size: number): boolean {
  const [before, last] = shape.slice(-2);
  return last === size && before === heads && (heads > 1 || shape.length === 4);
}

function unpack(op: string, packed: Tensor, config: HeadsConfig): Tensor[] {
  const { numHeads, numKvHeads, headSize, valueHeadSize } = config;
  const sizes = [numHeads * headSize, numKvHeads * headSize, numKvHeads * valueHeadSize];
  const width = sizes.reduce((sum, size) => sum + size);
  const last = packed.shape[packed.rank - 1];
  check(
    last === width,
    op,
    `a packed input ${shapeText(packed.shape)} must end in [${width}] = q, k, v side by side`,
  );
  return split(packed, sizes, -1);
}

import { reshape, split, type Tensor } from '@tensorflow/tfjs-core';
import { check, shapeText } from '../problem/checks.js';
import type { AttentionConfig } from './attention_config.js';

/** q, k, v with heads as an axis of their own, and how q came. */
export interface SplitHeads {
  q: Tensor;
  k: Tensor;
  v: Tensor;
  /** Leading axes of q, e.g. [B, S] or [T]. */
  leading: readonly number[];
  /** q came as [*, N, H]. */
  apart: boolean;
}

/** Takes `[q, k, v]`, each `[*, N*H]` or `[*, N, H]`, or one packed `[*, (N+K)*H + K*Hv]`. */
export function splitHeads(
  op: string,
  inputs: readonly Tensor[],
  config: AttentionConfig,
): SplitHeads {
  const { numHeads, numKvHeads, headSize, valueHeadSize } = config;
  check(
    inputs.length === 3 || inputs.length === 1,
    op,
    `inputs must be [q, k, v] or one packed tensor, got ${inputs.length} tensors`,
  );
  const [q, k, v] = inputs.length === 1 ? unpack(op, inputs[0], config) : inputs;
  const apart = isApart(q.shape, numHeads, headSize);
  const leading = q.shape.slice(0, apart ? -2 : -1);
  const withHeads = (name: string, x: Tensor, heads: number, size: number) => {
    const tail = x.shape.slice(leading.length);
    check(
      (tail.length === 1 && tail[0] === heads * size) ||
        (tail.length === 2 && tail[0] === heads && tail[1] === size),
      op,
      `${name} ${shapeText(x.shape)} must end in [${heads * size}] or [${heads}, ${size}] after ${leading.length} leading axes`,
    );
    return reshape(x, [...x.shape.slice(0, leading.length), heads, size]);
  };
  return {
    q: withHeads('q', q, numHeads, headSize),
    k: withHeads('k', k, numKvHeads, headSize),
    v: withHeads('v', v, numKvHeads, valueHeadSize),
    leading,
    apart,
  };
}

/** Whether a q of this shape is [*, N, H]. One head leaves it open below rank 4: then it is [*, N*H]. */
export function isApart(shape: readonly (number | null)[], heads: number, size: number): boolean {
  const [before, last] = shape.slice(-2);
  return last === size && before === heads && (heads > 1 || shape.length === 4);
}

function unpack(op: string, packed: Tensor, config: AttentionConfig): Tensor[] {
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

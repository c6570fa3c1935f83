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
  const [q, k, v] = inputs.length === 1 ? unpack(op, inputs[0], config) : inputs;
  check(
    v !== undefined,
    op,
    `inputs must be [q, k, v] or one packed tensor, got ${inputs.length} tensors`,
  );
  const apart = isApart(op, 'q', q, numHeads, headSize);
  isApart(op, 'k', k, numKvHeads, headSize);
  isApart(op, 'v', v, numKvHeads, valueHeadSize);
  const withHeads = (x: Tensor, heads: number, size: number) => {
    const lead = x.shape.slice(0, leadingRank(x, heads, size));
    return reshape(x, [...lead, heads, size]);
  };
  return {
    q: withHeads(q, numHeads, headSize),
    k: withHeads(k, numKvHeads, headSize),
    v: withHeads(v, numKvHeads, valueHeadSize),
    leading: q.shape.slice(0, leadingRank(q, numHeads, headSize)),
    apart,
  };
}

function leadingRank({ shape }: { shape: readonly number[] }, heads: number, size: number): number {
  const last = shape[shape.length - 1];
  const apart = shape.length >= 2 && last === size && shape[shape.length - 2] === heads;
  return apart && !(last === heads * size) ? shape.length - 2 : shape.length - 1;
}

function isApart(op: string, name: string, x: Tensor, heads: number, size: number): boolean {
  const { shape } = x;
  const last = shape[shape.length - 1];
  const lead = leadingRank(x, heads, size);
  const apart = lead === shape.length - 2;
  check(
    apart || last === heads * size,
    op,
    `${name} ${shapeText(shape)} must end in [${heads * size}] or [${heads}, ${size}]`,
  );
  return apart;
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

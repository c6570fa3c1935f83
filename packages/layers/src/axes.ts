import { broadcastTo, cast, reshape, transpose, type Tensor } from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '@tfjs-attention/core';
import { size } from './projection.js';

/** A tensor of which only the shape matters. */
export interface Shaped {
  readonly shape: readonly number[];
}

/**
 * Attention over some axes of an input `[B, ..., D]`: those axes become one, all other leading ones become the batch, so
 * that every rank is `[B', T, N, H]` inside.
 */
export class AttentionAxes {
  /** Axes that are attended over, ascending as given by Keras: 1 to rank - 2. */
  readonly attended: readonly number[];
  /** The others, 0 first. */
  readonly batch: readonly number[];

  /** `given` may count from the end, or be null: all axes between the batch and the features. */
  constructor(
    private readonly op: string,
    private readonly rank: number,
    given: readonly number[] | null,
  ) {
    const all = Array.from({ length: rank }, (_, axis) => axis);
    this.attended = given?.map((axis) => (axis < 0 ? rank + axis : axis)) ?? all.slice(1, -1);
    const valid =
      this.attended.length > 0 &&
      new Set(this.attended).size === this.attended.length &&
      this.attended.every((axis) => axis >= 1 && axis <= rank - 2);
    if (!valid) {
      throw new InvalidArgumentError(
        `${op}: attentionAxes must be different axes from 1 to ${rank - 2} of inputs of rank ${rank}, got [${String(given ?? '')}]`,
      );
    }
    this.batch = all.slice(0, -1).filter((axis) => !this.attended.includes(axis));
  }

  /** Whether inputs are `[B, T, D]`, the only form with masks of one sequence. */
  get isPlain(): boolean {
    return this.rank === 3;
  }

  /** `[B, ..., N, H]` → `[B', T, N, H]` */
  pack(x: Tensor): Tensor {
    if (this.isPlain) return x;
    const ordered = transpose(x, [...this.order, this.rank - 1, this.rank]);
    const { shape } = ordered;
    const batches = this.batch.length;
    return reshape(ordered, [
      size(shape.slice(0, batches)),
      size(shape.slice(batches, -2)),
      ...shape.slice(-2),
    ]);
  }

  /** `[B', T, N, H]` → the axes of `like`, then `[N, H]`. */
  unpack(x: Tensor, like: Shaped): Tensor {
    if (this.isPlain) return x;
    const ordered = reshape(x, [
      ...this.order.map((axis) => like.shape[axis]),
      ...(x.shape as number[]).slice(-2),
    ]);
    const back = Array.from({ length: this.rank - 1 }, (_, axis) => this.order.indexOf(axis));
    return transpose(ordered, [...back, this.rank - 1, this.rank]);
  }

  /** `[B', N, T, S]` → `[...batch axes, N, ...attended axes of query, ...attended axes of key]` */
  unpackScores(scores: Tensor, query: Shaped, key: Shaped): Tensor {
    if (this.isPlain) return scores;
    const pick = (axes: readonly number[], x: Shaped) => axes.map((axis) => x.shape[axis]);
    return reshape(scores, [
      ...pick(this.batch, query),
      scores.shape[1] as number,
      ...pick(this.attended, query),
      ...pick(this.attended, key),
    ]);
  }

  /**
   * A mask `[...leading, ...attended axes of query, ...attended axes of key]` as bool `[B' or 1, N or 1, T or 1, S]`. Axes
   * that it lacks are inserted before the attended ones, as Keras does; the last of them is that of heads.
   */
  packMask(mask: Tensor, query: Shaped, key: Shaped): Tensor {
    const bools = mask.dtype === 'bool' ? mask : cast(mask, 'bool');
    const attended = this.attended.length;
    const leadingRank = this.batch.length + 1;
    const missing = leadingRank + 2 * attended - mask.rank;
    if (missing < 0 || mask.rank < 2 * attended) {
      throw new InvalidArgumentError(
        `${this.op}: attentionMask must have rank ${2 * attended} to ${leadingRank + 2 * attended}, got [${mask.shape.join(', ')}]`,
      );
    }
    const own = mask.shape.slice(0, mask.rank - 2 * attended);
    const leading = [...own, ...new Array<number>(missing).fill(1)];
    const tail = mask.shape.slice(mask.rank - 2 * attended);
    if (this.isPlain) return reshape(bools, [...leading, ...tail]);
    const full = [
      ...this.batch.map((axis) => query.shape[axis]),
      leading[leadingRank - 1],
      ...this.attended.map((axis) => query.shape[axis]),
      ...this.attended.map((axis) => key.shape[axis]),
    ];
    const spread = broadcastTo(reshape(bools, [...leading, ...tail]), full);
    return reshape(spread, [
      size(full.slice(0, this.batch.length)),
      full[this.batch.length],
      size(full.slice(leadingRank, leadingRank + attended)),
      size(full.slice(leadingRank + attended)),
    ]);
  }

  private get order(): number[] {
    return [...this.batch, ...this.attended];
  }
}

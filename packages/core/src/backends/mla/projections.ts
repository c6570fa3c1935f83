import {
  keep,
  matMul,
  reshape,
  slice,
  split,
  tidy,
  transpose,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { check, shapeText } from '../../problem/checks.js';
import type { MLADims } from '../utils.js';

/**
 * The two halves of `kv_b_proj` `[L, N*(P+V)]`: W_UK makes keys out of a latent, W_UV values. Prefill expands latents by
 * both. Decode moves W_UK to the query and W_UV behind the attention, so that scores and sums are over the latents
 * themselves (DeepSeek-V2, 2024, section 2.1: "absorbed").
 */
export class LatentProjections {
  /** W_UK_T `[N, P, L]` and W_UV `[N, L, V]`, and the weight that they were cut from. */
  private absorbed: { of: object; up: Tensor; down: Tensor } | null = null;

  constructor(
    private readonly op: string,
    readonly numHeads: number,
    readonly dims: MLADims,
    private readonly kernel: () => Tensor,
  ) {}

  /** Latents `[S, L]` as the parts of keys `[S, N, P]` that have no position, and values `[S, N, V]`. */
  expand(kvC: Tensor): [kNope: Tensor, value: Tensor] {
    const { qkNopeHeadDim, vHeadDim } = this.dims;
    const heads = matMul(kvC, this.weight());
    const apart = reshape(heads, [-1, this.numHeads, qkNopeHeadDim + vHeadDim]);
    const [kNope, value] = split(apart, [qkNopeHeadDim, vHeadDim], -1);
    return [kNope, value];
  }

  /** Queries `[T, N, P]` for latents: `[T, N, L]`. */
  absorb(qNope: Tensor): Tensor {
    return perHead(qNope, this.cut().up);
  }

  /** Sums of latents `[T, N, L]` as values side by side `[T, N*V]` (vLLM `_v_up_proj`). */
  vUpProj(x: Tensor): Tensor {
    const { vHeadDim } = this.dims;
    return reshape(perHead(x, this.cut().down), [-1, this.numHeads * vHeadDim]);
  }

  /** Cuts the weight, unless that is done already. A weight that is assigned anew is cut anew. */
  cut(): { up: Tensor; down: Tensor } {
    const weight = this.weight();
    if (this.absorbed?.of === weight.dataId) return this.absorbed;
    this.dispose();
    const { kvLoraRank, qkNopeHeadDim, vHeadDim } = this.dims;
    const [up, down] = tidy(() => {
      const apart = reshape(weight, [kvLoraRank, this.numHeads, qkNopeHeadDim + vHeadDim]);
      const keys = slice(apart, [0, 0, 0], [-1, -1, qkNopeHeadDim]);
      const values = slice(apart, [0, 0, qkNopeHeadDim], [-1, -1, vHeadDim]);
      return [keep(transpose(keys, [1, 2, 0])), keep(transpose(values, [1, 0, 2]))];
    });
    this.absorbed = { of: weight.dataId, up, down };
    return this.absorbed;
  }

  dispose(): void {
    this.absorbed?.up.dispose();
    this.absorbed?.down.dispose();
    this.absorbed = null;
  }

  private weight(): Tensor {
    const weight = this.kernel();
    const { kvLoraRank, qkNopeHeadDim, vHeadDim } = this.dims;
    const shape = [kvLoraRank, this.numHeads * (qkNopeHeadDim + vHeadDim)];
    check(
      weight.shape.join() === shape.join(),
      this.op,
      () =>
        `kvBProj must be [L, N*(P+V)] = ${shapeText(shape)} for these sizes, got ${shapeText(weight.shape)}`,
    );
    return weight;
  }
}

/** `[T, N, A]` times `[N, A, B]`: `[T, N, B]`. */
function perHead(x: Tensor, weights: Tensor): Tensor {
  return transpose(matMul(transpose(x, [1, 0, 2]), weights), [1, 0, 2]);
}

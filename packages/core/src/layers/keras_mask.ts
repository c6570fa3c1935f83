import { cast, reshape, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { check, shapeText } from '../problem/checks.js';

/** What tfjs hands a layer's call: masks of its inputs, as far as it knows them. */
export interface MaskKwargs {
  mask?: Tensor | (Tensor | null | undefined)[] | null;
}

/** Keras keeps a tensor's mask on the tensor. */
type Masked = Tensor & { kerasMask?: Tensor | null };

/**
 * Which keys count, from what Keras knows: the mask that came with the keys, else, where keys and queries are one
 * sequence, the mask of the first input. A mask that does not fit is another layer's: tfjs hands one kwargs object from
 * layer to layer.
 */
export function kerasKeyMask(
  keys: Tensor,
  batch: number,
  numKeys: number,
  { mask }: MaskKwargs,
  sameSequence: boolean,
): Tensor | null {
  const given = Array.isArray(mask) ? mask : [mask];
  const candidates = [
    (keys as Masked).kerasMask,
    given.length > 1 ? given[1] : null,
    sameSequence ? given[0] : null,
  ];
  const fits = (x: Tensor | null | undefined): x is Tensor =>
    x != null && !x.isDisposed && x.rank === 2 && x.shape[0] === batch && x.shape[1] === numKeys;
  return candidates.find(fits) ?? null;
}

/**
 * A mask input `[B, S]` (keys), `[B, Q, S]` or `[B, N, Q, S]` as the ops take it; what is not 0 may be attended to. A
 * missing batch axis is one sequence.
 */
export function scoreMask(op: string, mask: Tensor, batch: number): Tensor {
  return tidy(() => {
    const bools = mask.dtype === 'bool' ? mask : cast(mask, 'bool');
    const { shape } = bools;
    check(
      shape.length >= 1 && shape.length <= 4 && (shape.length === 1 || shape[0] === batch),
      op,
      `a mask input must be [B, S], [B, Q, S] or [B, N, Q, S] with B = ${batch}, got ${shapeText(shape)}`,
    );
    switch (shape.length) {
      case 1:
        return reshape(bools, [1, 1, 1, shape[0]]);
      case 2:
        return reshape(bools, [shape[0], 1, 1, shape[1]]);
      case 3:
        return reshape(bools, [shape[0], 1, shape[1], shape[2]]);
      default:
        return bools;
    }
  });
}

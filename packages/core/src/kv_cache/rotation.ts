import { keep, matMul, reshape, tensor2d, tidy, type Tensor } from '@tensorflow/tfjs-core';

/**
 * The randomised Hadamard transform of int4 caches (vLLM `int4_per_token_head`; QuaRot, Ashkboos et al., 2024): a random
 * sign a lane, then the unnormalised Hadamard matrix. It spreads an outlier over the lanes that share its scale. Rows are
 * cut into blocks of the largest power of two that divides their size, so that a value that is the first lanes of its key
 * is turned by itself: 576 = 9 x 64, 512 as key and value of one cache is 8 x 64.
 */
export class HadamardRotation {
  /** The matrix and its inverse, made when they are first used. */
  private made: readonly Tensor[] | null = null;

  /** @param block lanes of a block, a power of two */
  constructor(readonly block: number) {}

  /** `x` `[..., size]` times the matrix. A product of two turned rows is `block` times that of the rows. */
  turn(x: Tensor): Tensor {
    return this.times(x, 0);
  }

  /** The other way. */
  turnBack(x: Tensor): Tensor {
    return this.times(x, 1);
  }

  private times(x: Tensor, direction: 0 | 1): Tensor {
    return tidy(() => {
      const rows = reshape(x, [-1, this.block]);
      return reshape(matMul(rows, this.pair()[direction]), x.shape);
    });
  }

  private pair(): readonly Tensor[] {
    const { block } = this;
    if (this.made === null) {
      const turn = hadamard(block);
      const transposed = turn.map((_, i) => turn[(i % block) * block + Math.floor(i / block)]);
      const back = transposed.map((x) => x / block);
      this.made = [turn, back].map((values) => keep(tensor2d(values, [block, block])));
    }
    return this.made;
  }

  dispose(): void {
    this.made?.forEach((matrix) => matrix.dispose());
    this.made = null;
  }
}

/** The largest power of two that divides all sizes. */
export function rotationBlock(...sizes: number[]): number {
  const all = sizes.reduce((bits, size) => bits | size, 0);
  return all & -all;
}

/** `[block, block]` of +1 and -1: row i is the sign of lane i times row i of Sylvester's matrix. */
export function hadamard(block: number): Float32Array {
  const matrix = new Float32Array(block * block);
  for (let i = 0; i < block; i++) {
    const sign = signOf(i);
    for (let j = 0; j < block; j++) matrix[i * block + j] = oddBits(i & j) ? -sign : sign;
  }
  return matrix;
}

/** One bit of a multiplicative hash: the same signs everywhere, for ever. */
function signOf(lane: number): 1 | -1 {
  return (Math.imul(lane + 1, 0x9e3779b1) >>> 16) & 1 ? -1 : 1;
}

function oddBits(x: number): boolean {
  let odd = false;
  for (let rest = x; rest !== 0; rest &= rest - 1) odd = !odd;
  return odd;
}

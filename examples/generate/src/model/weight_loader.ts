import {
  tensor1d,
  tensor2d,
  tensor3d,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
} from '@tensorflow/tfjs-core';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import type { Projection } from './projection.js';

/** A name and how many outputs it gives. */
export type Part = readonly [name: string, outputs: number];

/** Inputs that are transposed together, so that what is written stays in the cache. */
const TILE = 16;

/**
 * Reads tensors and uploads them. What a tensor needs beside its own float32 values is a piece of it, so the memory of
 * loading is that of the weights and little more.
 */
export class WeightLoader {
  /** What was uploaded so far. */
  readonly tensors: Tensor[] = [];

  constructor(
    readonly checkpoint: Checkpoint,
    /** Added to every norm. */
    private readonly normOffset: number,
  ) {}

  /** Modules side by side, with their biases where they have them. */
  linear(modules: readonly Part[], inputs: number, hasBias: boolean): Projection {
    const suffixed = (suffix: string) =>
      modules.map(([name, outputs]): Part => [`${name}.${suffix}`, outputs]);
    const matrix = this.matrix(suffixed('weight'), inputs);
    if (!hasBias) return { matrix };
    const biases = suffixed('bias').flatMap(([name, n]) => [...this.checkpoint.read(name, [n])]);
    return { matrix, bias: this.keep(tensor1d(biases)) };
  }

  /** Matrices `[out, in]` of the file, transposed and side by side: `[in, sum of outs]`. */
  matrix(parts: readonly Part[], inputs: number): Tensor2D {
    const width = parts.reduce((sum, [, outputs]) => sum + outputs, 0);
    const packed = new Float32Array(inputs * width);
    let column = 0;
    for (const [name, outputs] of parts) {
      const first = column;
      this.checkpoint.visit(name, [outputs, inputs], (values, start) =>
        transposeInto(packed, width, first + start / inputs, values, inputs),
      );
      column += outputs;
    }
    return this.keep(tensor2d(packed, [inputs, width]));
  }

  /** A matrix as it is. */
  rows(name: string, rows: number, columns: number): Tensor2D {
    return this.keep(tensor2d(this.checkpoint.read(name, [rows, columns]), [rows, columns]));
  }

  /** Weights of a norm over `size` numbers. */
  norm(name: string, size: number): Tensor1D {
    return this.keep(tensor1d(this.normValues(name, size)));
  }

  /** Norms of q and k for heads side by side: `[1, N + K, H]`. */
  headNorms(names: readonly Part[], headSize: number): Tensor3D {
    const values = names.flatMap(([name, heads]) => {
      const weights = [...this.normValues(name, headSize)];
      return Array.from({ length: heads }, () => weights).flat();
    });
    return this.keep(tensor3d(values, [1, values.length / headSize, headSize]));
  }

  /** Uploads what the caller has put together. */
  upload3d(values: Float32Array, shape: [number, number, number]): Tensor3D {
    return this.keep(tensor3d(values, shape));
  }

  private normValues(name: string, size: number): Float32Array {
    return this.checkpoint.read(name, [size]).map((weight) => weight + this.normOffset);
  }

  private keep<T extends Tensor>(tensor: T): T {
    this.tensors.push(tensor);
    return tensor;
  }
}

/** Puts rows `[outs, inputs]` into columns of `[inputs, width]`, the first into column `first`. */
function transposeInto(
  packed: Float32Array,
  width: number,
  first: number,
  rows: Float32Array,
  inputs: number,
): void {
  const outs = rows.length / inputs;
  for (let tile = 0; tile < inputs; tile += TILE) {
    const end = Math.min(tile + TILE, inputs);
    for (let out = 0; out < outs; out++) {
      const from = out * inputs;
      const to = first + out;
      for (let i = tile; i < end; i++) packed[i * width + to] = rows[from + i];
    }
  }
}

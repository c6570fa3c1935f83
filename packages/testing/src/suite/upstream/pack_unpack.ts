import * as tf from '@tensorflow/tfjs-core';
import { packSeqTriton, unpackSeqTriton } from '@tfjs-attention/core';
import { assertSame } from '../assert.js';
import { inScope } from '../in_scope.js';
import { normals, randomFrom } from '../random.js';
import type { Spec } from '../subject.js';
import { pairwise, titleOf } from './grid.js';

const TEST = 'test_pack_unpack_triton';

const AXES = {
  lengths: [[10, 10], [5, 15], [7, 0, 13], [20], [1, 1, 1], [3, 9, 1, 0]],
  row: [[8, 16], [4, 4], [1, 33], [5]],
  pad: [-Infinity, -100, -10, 0, 10, 100],
} as const; // prettier-ignore

function packSpec(lengths: readonly number[], row: readonly number[], pad: number, name: string): Spec {
  return {
    name,
    run: () =>
      inScope(async () => {
        const tokens = lengths.reduce((sum, length) => sum + length, 0);
        const width = row.reduce((product, axis) => product * axis, 1);
        const values = normals(randomFrom(name), tokens * width);
        const longest = Math.max(...lengths);
        const expected = new Float32Array(lengths.length * longest * width).fill(pad);
        let token = 0;
        lengths.forEach((length, b) => {
          const part = values.subarray(token * width, (token + length) * width);
          expected.set(part, b * longest * width);
          token += length;
        });
        const lens = Int32Array.from(lengths);
        const x = tf.tensor(values, [tokens, ...row]);
        const packed = pad === -Infinity ? packSeqTriton(x, lens) : packSeqTriton(x, lens, pad);
        assertSame('shape', packed.shape, [lengths.length, longest, ...row]);
        assertSame('packed', await packed.data(), expected);
        const back = unpackSeqTriton(packed, lens);
        assertSame('shape', back.shape, x.shape);
        assertSame('unpacked', await back.data(), values);
      }),
  };
} // prettier-ignore

/** vLLM's `test_pack_unpack_triton.py`, to the bit; and more sequences than are copied one by one. */
export function packUnpack(): Spec[] {
  const grid = pairwise(AXES).map((point) =>
    packSpec(point.lengths, point.row, point.pad, titleOf(TEST, '', AXES, point)),
  );
  const many = Array.from({ length: 60 }, (_, b) => (b * 7) % 5);
  return [...grid, packSpec(many, [3], 0, `upstream ${TEST}: 60 sequences`)];
}

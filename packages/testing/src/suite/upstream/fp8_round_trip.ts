import * as tf from '@tensorflow/tfjs-core';
import { convertFp8 } from '@tfjs-attention/core';
import { decode } from '@tfjs-attention/core/provider';
import { assert, assertSame } from '../assert.js';
import { randomFrom } from '../random.js';
import { inScope } from '../in_scope.js';
import type { Spec } from '../subject.js';
import { pairwise, titleOf, type Point } from './grid.js';
import { CACHE_TEST } from './cache_fixture.js';

const AXES = {
  size: [64, 80, 256],
  block: [8, 16, 32],
  dtype: ['fp8_e4m3', 'fp8_e5m2'],
} as const;

/** vLLM's inputs: uniform in +-224. */
const SPAN = 224;

/** Every finite value of a type, once, in rising order. */
function valuesOf(dtype: 'fp8_e4m3' | 'fp8_e5m2'): number[] {
  const all = Array.from({ length: 256 }, (_, code) => decode(dtype, code));
  return [...new Set(all.filter(Number.isFinite))].sort((a, b) => a - b);
}

/** Values go to a nearest value of the type, and that one comes back as itself. */
function roundTrip(
  name: string,
  { size, block, dtype }: Point<typeof AXES>,
  numBlocks: number,
): Spec {
  return {
    name,
    run: () =>
      inScope(async () => {
        const random = randomFrom(name);
        const shape: [number, number, number, number] = [numBlocks, 2, size, block];
        const values = Float32Array.from(
          { length: numBlocks * 2 * size * block },
          () => (2 * random() - 1) * SPAN,
        );
        const codes = convertFp8(tf.tensor4d(values, shape), { dtype });
        const back = convertFp8(codes, { dtype });
        const once = await back.data();
        const grid = valuesOf(dtype);
        let at = 0;
        const order = Array.from(values.keys()).sort((a, b) => values[a] - values[b]);
        for (const i of order) {
          while (grid[at + 1] <= values[i]) at++;
          const nearest = Math.min(values[i] - grid[at], grid[at + 1] - values[i]);
          const off = Math.abs(once[i] - values[i]);
          assert(off === nearest, `${values[i]} became ${once[i]}: off by ${off}, not ${nearest}`);
        }
        const again = convertFp8(convertFp8(back, { dtype }), { dtype });
        assertSame('a second round trip', await again.data(), once);
        assertSame('shape', codes.shape, shape);
      }),
  };
}

/** vLLM's `test_fp8_e4m3_conversion`, stricter: the nearest value instead of one within a tenth. */
export function fp8RoundTrip(full: boolean): Spec[] {
  return pairwise(AXES).map((point) =>
    roundTrip(titleOf(CACHE_TEST, 'fp8 round trip', AXES, point), point, full ? 1024 : 1),
  );
}

import * as tf from '@tensorflow/tfjs-core';
import {
  cpGatherIndexerKQuantCache,
  fp8MqaLogits,
  fp8PagedMqaLogits,
  IndexerKCache,
  indexerKQuantAndCache,
  topkIndices,
} from '@tfjs-attention/core';
import { decode, encode } from '@tfjs-attention/core/provider';
import { assert, assertSame, assertWithin } from '../assert.js';
import { inScope } from '../in_scope.js';
import { layBlocks, prefixSums, slotsOf } from '../paged_case.js';
import { normals, randomFrom } from '../random.js';
import type { Spec } from '../subject.js';
import { pairwise, titleOf, type Point } from './grid.js';

const { abs, ceil, fround, log2, max } = Math;

const QUANT_AXES = {
  headDim: [128, 64],
  groups: [1, 2],
  format: ['float', 'ue8m0'],
  block: [16, 64],
} as const;

/** Scales are the formula's to one rounding, powers of 2 exactly; codes are those of the stored scale. */
function quantSpec(point: Point<typeof QUANT_AXES>): Spec {
  const { headDim, groups, format, block } = point;
  const name = titleOf('indexer_k_quant_and_cache', '', QUANT_AXES, point);
  return {
    name,
    run: () =>
      inScope(async () => {
        const random = randomFrom(name);
        const seqLens = [19, 1, 40];
        const { blockTables, numBlocks } = layBlocks(random, seqLens, block);
        const quantBlockSize = headDim / groups;
        const cache = new IndexerKCache({ numBlocks, blockSize: block, headDim, quantBlockSize });
        const tokens = 60;
        const values = normals(random, tokens * headDim).map((x, i) => x * 10 ** ((i % 7) - 3));
        values.fill(0, 0, headDim);
        const k = tf.tensor2d(values, [tokens, headDim]);
        indexerKQuantAndCache(k, cache, slotsOf(seqLens, blockTables, block), format);
        const width = blockTables.length / 3;
        const rows = seqLens.map((_, b) => Array.from(blockTables.subarray(b * width, (b + 1) * width)));
        const { k: codes, scale } = cpGatherIndexerKQuantCache(cache, rows, prefixSums(seqLens));
        cache.dispose();
        const [gotCodes, gotScales] = [await codes.data(), await scale.data()];
        gotScales.forEach((got, group) => {
          const lanes = values.subarray(group * quantBlockSize, (group + 1) * quantBlockSize);
          const most = lanes.reduce((largest, x) => max(largest, abs(x)), 1e-4);
          const exact = most / 448;
          const wanted = format === 'ue8m0' ? 2 ** ceil(log2(exact)) : exact;
          const allowed = format === 'ue8m0' ? 0 : exact * 2 ** -22;
          assert(abs(got - wanted) <= allowed, `scale ${group}: ${got}, not ${wanted}`);
          lanes.forEach((x, i) => {
            const at = group * quantBlockSize + i;
            const [code, near] = [encode('fp8_e4m3', fround(x / got)), gotCodes[at]];
            // Division on a GPU may be off by one rounding, which a tie shows.
            const next = [code - 1, code, code + 1].map((c) => decode('fp8_e4m3', c & 0xff));
            const tolerated = format === 'ue8m0' ? near === next[1] : next.includes(near);
            assert(tolerated, `lane ${at}: ${x} / ${got} became ${near}, not ${next[1]}`);
          });
        });
      }),
  };
} // prettier-ignore

interface Logits {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly scale: Float32Array;
  readonly weights: Float32Array;
}

/** The reference: sum over heads of relu(<q, k> * scale) * w. */
function referenceLogits({ q, k, scale, weights }: Logits, heads: number, size: number) {
  return (m: number, n: number): number => {
    let sum = 0;
    for (let h = 0; h < heads; h++) {
      let product = 0;
      for (let d = 0; d < size; d++) product += q[(m * heads + h) * size + d] * k[n * size + d];
      sum += max(0, product * scale[n]) * weights[m * heads + h];
    }
    return sum;
  };
}

/** vLLM's measure: 1 - 2<x, y> / (<x, x> + <y, y>). */
function difference(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    if (x[i] === -Infinity && y[i] === -Infinity) continue;
    xy += x[i] * y[i];
    xx += x[i] * x[i];
    yy += y[i] * y[i];
  }
  return 1 - (2 * xy) / (xx + yy);
}

const denseSpecs: readonly Spec[] = [false, true].map((spans) => ({
  name: `upstream test_deepgemm_attention: dense logits${spans ? ', spans of context-parallel ranks' : ''}`,
  run: () =>
    inScope(async () => {
      const [rows, keys, heads, size] = [24, 48, 4, 32];
      const random = randomFrom(`logits ${spans}`);
      const draw = (count: number) => normals(random, count);
      const made = { q: draw(rows * heads * size), k: draw(keys * size), scale: draw(keys).map(abs), weights: draw(rows * heads) };
      const start = Int32Array.from({ length: rows }, (_, m) => (spans ? (m % 3) * 16 : 0));
      const end = Int32Array.from({ length: rows }, (_, m) => (spans ? (m % 3) * 16 + (m % 17) : keys - rows + m + 1));
      const logits = fp8MqaLogits(
        tf.tensor3d(made.q, [rows, heads, size]),
        tf.tensor2d(made.k, [keys, size]),
        tf.tensor1d(made.scale),
        tf.tensor2d(made.weights, [rows, heads]),
        start,
        end,
      );
      const reference = referenceLogits(made, heads, size);
      const expected = Array.from({ length: rows * keys }, (_, i) => {
        const [m, n] = [Math.floor(i / keys), i % keys];
        return n >= start[m] && n < end[m] ? reference(m, n) : -Infinity;
      });
      const got = await logits.data();
      assertSame('mask', Float32Array.from(got, (x) => Number(x === -Infinity)), expected.map((x) => Number(x === -Infinity)));
      assertWithin('difference', [difference(got, expected)], [0], 1e-6);
    }),
})); // prettier-ignore

const PAGED_AXES = { batch: [[4, 1], [2, 2]], heads: [32], size: [128] } as const; // prettier-ignore

function pagedSpec(point: Point<typeof PAGED_AXES>): Spec {
  const name = titleOf('test_deepgemm_attention', 'paged logits and the best of them', PAGED_AXES, point);
  return {
    name,
    run: () =>
      inScope(async () => {
        const [[batch, nextN], heads, size] = [point.batch, point.heads, point.size];
        const random = randomFrom(name);
        const lens = [33, 7, 64, 16].slice(0, batch);
        const longest = 70;
        const { blockTables, numBlocks } = layBlocks(random, lens, 16);
        const width = blockTables.length / batch;
        const rows = lens.map((_, b) => Array.from(blockTables.subarray(b * width, (b + 1) * width)));
        const cache = new IndexerKCache({ numBlocks, blockSize: 16, headDim: size });
        const tokens = lens.reduce((sum, length) => sum + length, 0);
        indexerKQuantAndCache(tf.tensor2d(normals(random, tokens * size), [tokens, size]), cache, slotsOf(lens, blockTables, 16));
        const first = prefixSums(lens);
        const stored = cpGatherIndexerKQuantCache(cache, rows, first);
        const made = {
          q: normals(random, batch * nextN * heads * size),
          k: await stored.k.data<'float32'>(),
          scale: await stored.scale.data<'float32'>(),
          weights: normals(random, batch * nextN * heads),
        };
        const reference = referenceLogits(made, heads, size);
        const logits = fp8PagedMqaLogits(
          tf.tensor4d(made.q, [batch, nextN, heads, size]),
          cache,
          tf.tensor2d(made.weights, [batch * nextN, heads]),
          Int32Array.from(lens),
          rows,
          longest,
        );
        cache.dispose();
        const expected = Array.from({ length: batch * nextN * longest }, (_, i) => {
          const [m, n] = [Math.floor(i / longest), i % longest];
          const b = Math.floor(m / nextN);
          return n <= lens[b] - nextN + (m % nextN) ? reference(m, first[b] + n) : -Infinity;
        });
        const got = await logits.data();
        assertSame('mask', Float32Array.from(got, (x) => Number(x === -Infinity)), expected.map((x) => Number(x === -Infinity)));
        assertWithin('difference', [difference(got, expected)], [0], 1e-6);

        const best = await topkIndices(logits, 12);
        for (let m = 0; m < batch * nextN; m++) {
          const row = Array.from(got.subarray(m * longest, (m + 1) * longest));
          const order = row.map((x, n) => [x, n] as const).filter(([x]) => x > -Infinity).sort(([x], [y]) => y - x);
          const wanted = order.slice(0, 12).map(([x]) => x);
          const chosen = Array.from(best.subarray(m * 12, (m + 1) * 12));
          assertSame(`best of ${m}`, chosen.filter((n) => n >= 0).map((n) => row[n]), wanted);
          assertSame(`none of ${m}`, chosen.slice(wanted.length), new Array<number>(12 - wanted.length).fill(-1));
        }
      }),
  };
} // prettier-ignore

/** vLLM's `test_deepgemm_attention.py`, and the quantisation of an indexer's keys. */
export function indexer(): Spec[] {
  return [
    ...pairwise(QUANT_AXES).map(quantSpec),
    ...denseSpecs,
    ...pairwise(PAGED_AXES).map(pagedSpec),
  ];
}

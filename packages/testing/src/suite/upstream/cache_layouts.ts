import * as tf from '@tensorflow/tfjs-core';
import {
  FullAttentionSpec,
  KvCache,
  readCacheBlocks,
  reshapeAndCacheFlash,
  writeCacheBlocks,
  type BlockLayout,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import { bytesPerElement } from '@tfjs-attention/core/provider';
import { assertSame } from '../assert.js';
import { readCache } from '../cache_bytes.js';
import { inScope } from '../in_scope.js';
import { normals, randomFrom, shuffled } from '../random.js';
import type { Spec } from '../subject.js';
import { pairwise, titleOf } from './grid.js';

const AXES = {
  layout: ['NHD', 'HND', 'paged'],
  size: [64, 80],
  block: [8, 16],
  dtype: ['float32', 'bfloat16', 'fp8_e4m3', 'int8_per_token_head'],
} as const;

const [HEADS, BLOCKS] = [3, 4];

/** Where vLLM's kernels write lane d of head h of the token at offset t of a block: the element's number in the block. */
function placeOf(
  layout: BlockLayout,
  half: 'key' | 'value',
  dtype: KvCacheDtype,
  block: number,
  size: number,
): (t: number, h: number, d: number) => number {
  const x = 16 / bytesPerElement(dtype);
  if (layout === 'NHD') return (t, h, d) => (t * HEADS + h) * size + d;
  if (layout === 'HND') return (t, h, d) => (h * block + t) * size + d;
  return half === 'key'
    ? (t, h, d) => ((h * (size / x) + Math.floor(d / x)) * block + t) * x + (d % x)
    : (t, h, d) => (h * size + d) * block + t;
}

/** Tokens in random slots lie in each layout where vLLM would write them, and go back in. */
function layoutSpec({ layout, size, block, dtype }: ReturnType<typeof pairwise<typeof AXES>>[number]): Spec {
  const name = titleOf('test_cache', 'reshape_and_cache into', AXES, { layout, size, block, dtype });
  return {
    name,
    run: () =>
      inScope(async () => {
        const random = randomFrom(name);
        const spec = new FullAttentionSpec({ blockSize: block, numKvHeads: HEADS, headSize: size });
        const make = () => new KvCache(spec, { numBlocks: BLOCKS, dtype });
        const [cache, copy] = [make(), make()];
        const slots = Int32Array.from(shuffled(random, BLOCKS * block).slice(0, 20));
        const draw = () => tf.tensor3d(normals(random, 24 * HEADS * size), [24, HEADS, size]);
        reshapeAndCacheFlash(draw(), draw(), cache, slots);
        const blocks = [2, 0, 3];
        const stored = await readCache(cache);
        const moved = await readCacheBlocks(cache, blocks, layout);
        const width = bytesPerElement(dtype);
        for (const half of ['key', 'value'] as const) {
          const place = placeOf(layout, half, dtype, block, size);
          const count = block * HEADS * size * width;
          const expected = new Uint8Array(blocks.length * count);
          blocks.forEach((from, to) => {
            for (let t = 0; t < block; t++) {
              for (let h = 0; h < HEADS; h++) {
                for (let d = 0; d < size; d++) {
                  const at = from * count + ((t * HEADS + h) * size + d) * width;
                  expected.set(stored[half].subarray(at, at + width), to * count + place(t, h, d) * width);
                }
              }
            }
          });
          assertSame(half, moved[half], expected);
        }
        writeCacheBlocks(copy, blocks, moved, layout);
        const [a, b] = [await readCacheBlocks(copy, blocks, 'NHD'), await readCacheBlocks(cache, blocks, 'NHD')];
        assertSame('keys written back', a.key, b.key);
        assertSame('values written back', a.value, b.value);
        assertSame('scales written back', a.valueScales ?? [], b.valueScales ?? []);
        cache.dispose();
        copy.dispose();
      }),
  };
} // prettier-ignore

/** The layouts of vLLM's `test_cache.py`: its first one, and the flash layout by heads or by tokens. */
export function cacheLayouts(): Spec[] {
  return pairwise(AXES).map(layoutSpec);
}

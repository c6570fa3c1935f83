import * as tf from '@tensorflow/tfjs-core';
import {
  concatAndCacheMla,
  copyBlocks,
  cpGatherCache,
  Fp8DsMlaCache,
  gatherAndMaybeDequantCache,
  KvCache,
  MLAAttentionSpec,
} from '@tfjs-attention/core';
import { encode } from '@tfjs-attention/core/provider';
import { assert, assertSame } from '../assert.js';
import { readCache } from '../cache_bytes.js';
import { inScope } from '../in_scope.js';
import { normals, randomFrom, shuffled } from '../random.js';
import type { Spec } from '../subject.js';

const TEST = 'test_cache';
const TOKENS = 42;
const [LATENT, ROPE, BLOCK, BLOCKS] = [512, 64, 16, 8];

/** 42 tokens in random slots of 8 blocks of 16, three of them nowhere. */
function drawTokens(seed: string) {
  const random = randomFrom(seed);
  const slots = Int32Array.from(shuffled(random, BLOCKS * BLOCK).slice(0, TOKENS));
  for (const token of [0, 17, TOKENS - 1]) slots[token] = -1;
  return { kvC: normals(random, TOKENS * LATENT), kPe: normals(random, TOKENS * ROPE), slots };
}

const tensors = ({ kvC, kPe }: ReturnType<typeof drawTokens>) =>
  [tf.tensor2d(kvC, [TOKENS, LATENT]), tf.tensor2d(kPe, [TOKENS, ROPE])] as const;

const latentSpec = new MLAAttentionSpec({
  blockSize: BLOCK,
  numKvHeads: 1,
  headSize: LATENT + ROPE,
  valueHeadSize: LATENT,
});

/** Every lane of every token is stored as the reference encoder stores it. */
const concatSpecs: readonly Spec[] = (['float32', 'fp8_e4m3'] as const).map((dtype) => ({
  name: `upstream ${TEST}: concat_and_cache_mla, dtype ${dtype}`,
  run: () =>
    inScope(async () => {
      const drawn = drawTokens(dtype);
      const kScale = dtype === 'float32' ? 1 : 0.1;
      const cache = new KvCache(latentSpec, { numBlocks: BLOCKS, dtype, kScale });
      const [kvC, kPe] = tensors(drawn);
      concatAndCacheMla(kvC, kPe, cache, drawn.slots);
      const { key } = await readCache(cache);
      cache.dispose();
      const width = dtype === 'float32' ? 4 : 1;
      const codes = dtype === 'float32' ? new Uint32Array(key.buffer) : key;
      const expected = codes.slice().fill(0);
      drawn.slots.forEach((slot, token) => {
        if (slot < 0) return;
        for (let lane = 0; lane < LATENT + ROPE; lane++) {
          const x = lane < LATENT ? drawn.kvC[token * LATENT + lane] : drawn.kPe[token * ROPE + lane - LATENT];
          expected[slot * (LATENT + ROPE) + lane] = encode(dtype, Math.fround(x / Math.fround(kScale)));
        }
      });
      assertSame('bytes', [key.length], [BLOCKS * BLOCK * (LATENT + ROPE) * width]);
      assertSame('codes', codes, expected);
    }),
})); // prettier-ignore

/** Upstream's 656 bytes, written out: codes, then scales, then the rope. */
function packedToken(kvC: Float32Array, kPe: Float32Array): Uint8Array {
  const bytes = new Uint8Array(656);
  const view = new DataView(bytes.buffer);
  for (let tile = 0; tile < 4; tile++) {
    const lanes = kvC.subarray(tile * 128, (tile + 1) * 128);
    const most = lanes.reduce((largest, x) => Math.max(largest, Math.abs(x)), 0);
    const scale = Math.fround(most / 448);
    view.setFloat32(512 + tile * 4, scale, true);
    lanes.forEach((x, i) => (bytes[tile * 128 + i] = encode('fp8_e4m3', Math.fround(x / scale))));
  }
  kPe.forEach((x, i) => view.setUint16(528 + i * 2, encode('bfloat16', x), true));
  return bytes;
}

const dsMla: Spec = {
  name: `upstream ${TEST}: concat_and_cache_mla, fp8_ds_mla, to the bit; 656 bytes a token`,
  run: () =>
    inScope(async () => {
      const drawn = drawTokens('ds_mla');
      const cache = new Fp8DsMlaCache({ numBlocks: BLOCKS, blockSize: BLOCK });
      const other = new Fp8DsMlaCache({ numBlocks: BLOCKS, blockSize: BLOCK });
      try {
        concatAndCacheMla(...tensors(drawn), cache, drawn.slots);
        const expected = new Uint8Array(BLOCKS * BLOCK * 656);
        drawn.slots.forEach((slot, t) => {
          if (slot < 0) return;
          const kvC = drawn.kvC.subarray(t * LATENT, (t + 1) * LATENT);
          const kPe = drawn.kPe.subarray(t * ROPE, (t + 1) * ROPE);
          expected.set(packedToken(kvC, kPe), slot * 656);
        });
        const all = Array.from({ length: BLOCKS }, (_, block) => block);
        const bytes = await cache.readBlocks(all);
        assertSame('bytes', bytes, expected);
        other.writeBlocks(all, bytes);
        assertSame('written back', await other.readBlocks(all), expected);
        copyBlocks(other.caches, [[1, 6]]);
        const copied = await other.readBlocks([6]);
        assertSame('copied', copied, expected.subarray(BLOCK * 656, 2 * BLOCK * 656));
        const slots = drawn.slots.filter((slot) => slot >= 0);
        const lanes = await cache.gather(slots).data();
        let worst = 0;
        let token = 0;
        drawn.slots.forEach((slot, t) => {
          if (slot < 0) return;
          for (let lane = 0; lane < LATENT; lane++) {
            const x = drawn.kvC[t * LATENT + lane];
            worst = Math.max(worst, Math.abs(lanes[token * (LATENT + ROPE) + lane] - x) / 5);
          }
          token++;
        });
        assert(worst < 1 / 16 && worst > 0, `latent lanes are off by ${worst}`);
      } finally {
        cache.dispose();
        other.dispose();
      }
    }),
};

/** Positions from anywhere on (cp_gather_cache) and from a block's edge on, in each sequence's own blocks. */
const gatherSpecs: readonly Spec[] = [true, false].map((whole) => ({
  name: `upstream ${TEST}: ${whole ? 'gather_and_maybe_dequant_cache' : 'cp_gather_cache'} from positions on`,
  run: () =>
    inScope(async () => {
      const random = randomFrom(`gather ${whole}`);
      const values = normals(random, BLOCKS * BLOCK * (LATENT + ROPE));
      const cache = new KvCache(latentSpec, { numBlocks: BLOCKS });
      const kv = tf.tensor2d(values, [BLOCKS * BLOCK, LATENT + ROPE]);
      const [kvC, kPe] = tf.split(kv, [LATENT, ROPE], 1);
      concatAndCacheMla(
        kvC,
        kPe,
        cache,
        Int32Array.from({ length: BLOCKS * BLOCK }, (_, i) => i),
      );
      const table = [[5, 2, 7], [1], [3, 6]];
      const lens = [20, 0, 9];
      const starts = whole ? [16, 0, 0] : [21, 3, 13];
      const cuSeqLens = Int32Array.of(0, 20, 20, 29);
      const run = whole ? gatherAndMaybeDequantCache : cpGatherCache;
      const { key, value } = run(cache, table, cuSeqLens, { seqStarts: Int32Array.from(starts) });
      const expected = lens.flatMap((length, b) =>
        Array.from({ length }, (_, t) => {
          const position = starts[b] + t;
          const slot = table[b][Math.floor(position / BLOCK)] * BLOCK + (position % BLOCK);
          return slot * (LATENT + ROPE);
        }),
      );
      const rows = (size: number) =>
        expected.flatMap((at) => Array.from(values.subarray(at, at + size)));
      assertSame('keys', await key.data(), rows(LATENT + ROPE));
      assertSame('values', await value.data(), rows(LATENT));
      cache.dispose();
    }),
}));

/** Latent caches of vLLM's `test_cache.py`: MLA 512 + 64, blocks of 16, 8 of them, 42 tokens. */
export function cacheMla(): Spec[] {
  return [...concatSpecs, dsMla, ...gatherSpecs];
}

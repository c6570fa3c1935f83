import * as tf from '@tensorflow/tfjs-core';
import {
  convertFp8,
  FullAttentionSpec,
  gatherCache,
  KV_CACHE_DTYPES,
  KvCache,
  planAttention,
  reshapeAndCache,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import { decode, encode, hasTokenScales, type ElementDtype } from '@tfjs-attention/core/provider';
import { assertSame } from './assert.js';
import { assertSameBytes, fillCache, readCache, twinOf } from './cache_bytes.js';
import { inScope, writeTwin } from './in_scope.js';
import { normals, randomFrom } from './random.js';
import type { Spec } from './subject.js';

const FP8 = ['fp8_e4m3', 'fp8_e5m2'] as const;

/** Every code of a type as a value, the ties between neighbours and both sides of them, and the far ends. */
function hardValues(dtype: ElementDtype): number[] {
  const codes = dtype === 'float16' || dtype === 'bfloat16' ? 0x10000 : 0x100;
  const step = codes === 0x100 ? 1 : 251;
  const values: number[] = [];
  for (let code = 0; code + 1 < codes; code += step) {
    const here = decode(dtype, code);
    const tie = Math.fround((here + decode(dtype, code + 1)) / 2);
    values.push(here, tie, tie * (1 + 2 ** -23), tie * (1 - 2 ** -23));
  }
  const ends = [0, 2 ** -149, 2 ** -126, 1e-30, 0.5, 1.5, 448, 464, 465, 480, 57344, 61440, 61441];
  const far = [65504, 65519, 65520, 3.3895e38, 3.4028234663852886e38];
  const all = [...values.filter(Number.isFinite), ...ends, ...far];
  return all.flatMap((x) => [x, -x]).map(Math.fround);
}

const SPECIALS = [NaN, Infinity, -Infinity, -0];

interface ByteCase {
  readonly name: string;
  readonly dtype: KvCacheDtype;
  readonly kScale?: number | Float32Array;
  readonly vScale?: number | Float32Array;
  readonly values: ArrayLike<number>;
}

function byteCases(): ByteCase[] {
  const random = randomFrom('bytes');
  return KV_CACHE_DTYPES.flatMap((dtype): ByteCase[] => {
    const noise = normals(random, 600).map((x) => x * 3);
    if (hasTokenScales(dtype) || dtype === 'int4_per_token_head') {
      const wide = normals(random, 4000).map((x, i) => x * 10 ** ((i % 61) / 2 - 20));
      const zeros = new Float32Array(64);
      return [
        { name: `${dtype}, normal values`, dtype, values: noise },
        { name: `${dtype}, 30 orders of magnitude`, dtype, values: wide },
        { name: `${dtype}, zeros`, dtype, values: zeros },
        { name: `${dtype}, one sign`, dtype, values: noise.map((x) => 5 + Math.abs(x)) },
        {
          name: `${dtype}, ends`,
          dtype,
          values: [...noise.slice(0, 40), ...SPECIALS, 3e38, -3e38],
        },
      ];
    }
    const hard = hardValues(dtype);
    return [
      { name: `${dtype}, codes, ties and ends`, dtype, values: [...hard, ...SPECIALS] },
      { name: `${dtype}, quotients`, dtype, kScale: 0.037, vScale: 1.9e-3, values: noise },
      {
        name: `${dtype}, a scale per head`,
        dtype,
        kScale: Float32Array.of(0.3, 7e-3),
        vScale: Float32Array.of(1.1, 0.9),
        values: noise,
      },
      { name: `${dtype}, a subnormal scale`, dtype, kScale: 1e-40, vScale: 3e38, values: noise },
    ];
  });
}

/** Writes values of K = 2 heads of H = 7, Hv = 5 in reverse slot order, one token left out, and compares every byte. */
function writeSpec({ name, dtype, kScale, vScale, values }: ByteCase): Spec {
  return {
    name,
    run: async () => {
      const tokens = Math.ceil(values.length / 10);
      const spec = new FullAttentionSpec({
        blockSize: 3,
        numKvHeads: 2,
        headSize: 7,
        valueHeadSize: 5,
      });
      const numBlocks = Math.ceil(tokens / 3) + 1;
      const cache = new KvCache(spec, { numBlocks, dtype, kScale, vScale });
      const slotMapping = Int32Array.from({ length: tokens }, (_, t) => tokens - t);
      slotMapping[Math.floor(tokens / 2)] = -1;
      const plan = planAttention({
        queryStartLoc: Int32Array.of(0, tokens),
        seqLens: Int32Array.of(tokens),
        blockTables: [Array.from({ length: numBlocks }, (_, i) => i)],
        slotMapping,
      });
      const cycle = (size: number) =>
        tf.tensor3d(
          Float32Array.from({ length: tokens * 2 * size }, (_, i) => values[i % values.length]),
          [tokens, 2, size],
        );
      const [k, v] = [cycle(7), cycle(5)];
      try {
        const twin = twinOf(cache);
        await fillCache(cache, twin, 0x5a);
        await writeTwin(twin, k, v, slotMapping);
        reshapeAndCache(k, v, cache, plan);
        const stored = await readCache(cache);
        assertSameBytes(cache.layout, stored, await readCache(twin));
        const { key, value } = gatherCache(cache, plan);
        const slots = Int32Array.from({ length: tokens }, (_, t) => t);
        const expected = twin.storage.gather(slots);
        assertSame('gathered keys', await key.data(), expected[0].dataSync());
        assertSame('gathered values', await value.data(), expected[1].dataSync());
        tf.dispose([key, value, expected]);
      } finally {
        tf.dispose([k, v]);
        cache.dispose();
        plan.dispose();
      }
    },
  };
}

function convertSpecs(): Spec[] {
  return FP8.flatMap((dtype): Spec[] => [
    {
      name: `convertFp8 to ${dtype}`,
      run: async () => {
        for (const scale of [1, 0.37]) {
          const values = Float32Array.from([...hardValues(dtype), ...SPECIALS]);
          const factor = Math.fround(scale);
          await inScope(async () => {
            const codes = convertFp8(tf.tensor1d(values), { dtype, scale });
            const read = (code: number) => decode(dtype, code);
            const expected = values.map((x) => read(encode(dtype, Math.fround(x / factor))));
            assertSame('codes', Float32Array.from(await codes.data(), read), expected);
          });
        }
      },
    },
    {
      name: `convertFp8 from ${dtype}, and back again to the same codes`,
      run: () =>
        inScope(async () => {
          const codes = Int32Array.from({ length: 256 }, (_, code) => code);
          const real = convertFp8(tf.tensor2d(codes, [16, 16], 'int32'), { dtype, scale: 0.25 });
          const expected = Float32Array.from(codes, (code) => decode(dtype, code) * 0.25);
          assertSame('values', await real.data(), expected);
          const again = await convertFp8(real, { dtype, scale: 0.25 }).data();
          const same = Array.from(again, (code) => decode(dtype, code) * 0.25);
          const clipped = expected.map((x) =>
            Number.isFinite(x) || dtype === 'fp8_e4m3' ? x : Math.sign(x) * 57344 * 0.25,
          );
          assertSame('codes of values', same, clipped);
        }),
    },
  ]);
}

/** What the cache stores, to the bit. */
export function byteSpecs(): Spec[] {
  return [...byteCases().map(writeSpec), ...convertSpecs()];
}

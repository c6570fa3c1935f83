import * as tf from '@tensorflow/tfjs-core';
import {
  gatherCache,
  planAttention,
  reshapeAndCache,
  type KvBlockBytes,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import {
  bytesPerElement,
  codesPerRow,
  decode,
  encode,
  hasTokenScales,
} from '@tfjs-attention/core/provider';
import { assertSame } from '../assert.js';
import { assertSameBytes, readCache } from '../cache_bytes.js';
import { layBlocks, prefixSums, slotsOf } from '../paged_case.js';
import { normals, randomFrom, shuffled, type Random } from '../random.js';
import { inScope } from '../in_scope.js';
import type { Spec } from '../subject.js';
import { int4Row } from './int4_rows.js';
import { cacheCases, makeKvCache, scramble, type CacheCase, type Scales } from './cache_fixture.js';

// Test runners make globals slow to look up.
const { abs, floor, fround, max } = Math;

const NUM_TOKENS = 42;

/** QMAX of the types whose scale belongs to a token. */
const TOKEN_MAX = { int8_per_token_head: 127, fp8_per_token_head: 448 } as const;

/** Codes and scales that rows `[rows, H]` of one half must be stored as, and what they are read as. */
interface StoredRows {
  readonly codes: ArrayLike<number>;
  readonly scales: Float32Array;
  readonly values: Float32Array;
}

function encodeInt4Rows(values: Float32Array, headSize: number): StoredRows {
  const rows = Array.from({ length: values.length / headSize }, (_, row) =>
    int4Row(values.subarray(row * headSize, (row + 1) * headSize)),
  );
  return {
    codes: rows.flatMap(({ bytes }) => [...bytes]),
    scales: Float32Array.from(rows, ({ stored }) => stored),
    values: Float32Array.from(rows.flatMap((row) => [...row.values])),
  };
}

/** The reference encoder's codes, row by row; row r belongs to KV head r mod K. */
function encodeRows(
  values: Float32Array,
  c: CacheCase,
  scale: number | Float32Array = 1,
): StoredRows {
  const { dtype, headSize, numKvHeads } = c;
  if (dtype === 'int4_per_token_head') return encodeInt4Rows(values, headSize);
  const scales = Float32Array.from({ length: values.length / headSize }, (_, row) => {
    if (dtype === 'int8_per_token_head' || dtype === 'fp8_per_token_head') {
      const most = values
        .subarray(row * headSize, (row + 1) * headSize)
        .reduce((largest, x) => max(largest, abs(x)), 0);
      return max(fround(most / TOKEN_MAX[dtype]), fround(1e-6));
    }
    return typeof scale === 'number' ? scale : scale[row % numKvHeads];
  });
  const codes = Float64Array.from(values, (x, i) =>
    encode(dtype, fround(x / scales[floor(i / headSize)])),
  );
  const read = (code: number, i: number) => decode(dtype, code) * scales[floor(i / headSize)];
  return { codes, scales, values: Float32Array.from(codes, read) };
}

/** Scales as vLLM's tests choose them, for the types that have any: max(x) / 64, of the tensor or of each head. */
function scaleOf(values: Float32Array, c: CacheCase, kind: 'tensor' | 'attn_head') {
  const { dtype, headSize, numKvHeads } = c;
  if (!['fp8_e4m3', 'fp8_e5m2', 'int8'].includes(dtype)) return undefined;
  const most = new Float32Array(kind === 'tensor' ? 1 : numKvHeads);
  values.forEach((x, i) => {
    const head = floor(i / headSize) % most.length;
    most[head] = max(most[head], fround(x / 64));
  });
  return kind === 'tensor' ? most[0] : most;
}

function codesOf(bytes: Uint8Array, dtype: KvCacheDtype) {
  const { buffer, byteOffset, length } = bytes;
  const width = bytesPerElement(dtype);
  switch (width) {
    case 0.5:
    case 1:
      return bytes;
    case 2:
      return new Uint16Array(buffer, byteOffset, length / 2);
    case 4:
      return new Uint32Array(buffer, byteOffset, length / 4);
    default:
      return width satisfies never;
  }
}

/** Puts rows of tokens where their slots are. */
function storeRows(
  bytes: KvBlockBytes,
  half: 'key' | 'value',
  rows: StoredRows,
  slots: Int32Array,
  c: CacheCase,
) {
  const codes = codesOf(bytes[half], c.dtype);
  const { headSize, numKvHeads } = c;
  const rowSize = numKvHeads * codesPerRow(c.dtype, headSize);
  slots.forEach((slot, token) => {
    if (slot < 0) return;
    for (let i = 0; i < rowSize; i++) codes[slot * rowSize + i] = rows.codes[token * rowSize + i];
    const scales = rows.scales.subarray(token * numKvHeads, (token + 1) * numKvHeads);
    bytes[`${half}Scales`]?.set(scales, slot * numKvHeads);
  });
}

interface Drawn {
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly scales: Scales;
}

/** Normal keys and values of some tokens, with the scales that a cache of them gets. */
function draw(random: Random, tokens: number, c: CacheCase, kind: 'tensor' | 'attn_head'): Drawn {
  const count = tokens * c.numKvHeads * c.headSize;
  const [k, v] = [normals(random, count), normals(random, count)];
  const [kScale, vScale] = [scaleOf(k, c, kind), scaleOf(v, c, kind)];
  return { k, v, scales: kScale === undefined ? {} : { kScale, vScale } };
}

/** 42 tokens go to random slots, three of them nowhere; every byte of the cache is then what the reference says. */
function writeSpec(c: CacheCase, kind: 'tensor' | 'attn_head'): Spec {
  return {
    name: c.name,
    run: async () => {
      const random = randomFrom(c.name);
      const { k, v, scales } = draw(random, NUM_TOKENS, c, kind);
      const slotMapping = Int32Array.from(
        shuffled(random, c.numBlocks * c.blockSize).slice(0, NUM_TOKENS),
      );
      for (const token of [0, 17, NUM_TOKENS - 1]) slotMapping[token] = -1;
      const cache = makeKvCache(c, scales);
      const plan = planAttention({
        queryStartLoc: Int32Array.of(0, NUM_TOKENS),
        seqLens: Int32Array.of(0),
        blockTables: [[]],
        slotMapping,
      });
      try {
        const expected = await scramble(cache, random);
        storeRows(expected, 'key', encodeRows(k, c, scales.kScale), slotMapping, c);
        storeRows(expected, 'value', encodeRows(v, c, scales.vScale), slotMapping, c);
        const shape: [number, number, number] = [NUM_TOKENS, c.numKvHeads, c.headSize];
        tf.tidy(() => reshapeAndCache(tf.tensor3d(k, shape), tf.tensor3d(v, shape), cache, plan));
        assertSameBytes(cache.layout, await readCache(cache), expected);
      } finally {
        cache.dispose();
        plan.dispose();
      }
    },
  };
}

/** 8 sequences of random length, gathered and dequantised. float32 comes back as it was. */
function gatherSpec(c: CacheCase, most: number): Spec {
  return {
    name: c.name,
    run: () =>
      inScope(async () => {
        const random = randomFrom(c.name);
        const seqLens = Array.from({ length: 8 }, () => 1 + floor(random() * most));
        const tokens = seqLens.reduce((sum, length) => sum + length, 0);
        const { k, v, scales } = draw(random, tokens, c, 'tensor');
        const { blockTables, numBlocks } = layBlocks(random, seqLens, c.blockSize);
        const cache = makeKvCache({ ...c, numBlocks }, scales);
        const plan = planAttention({
          queryStartLoc: prefixSums(seqLens),
          seqLens: Int32Array.from(seqLens),
          blockTables,
          slotMapping: slotsOf(seqLens, blockTables, c.blockSize),
        });
        const shape: [number, number, number] = [tokens, c.numKvHeads, c.headSize];
        reshapeAndCache(tf.tensor3d(k, shape), tf.tensor3d(v, shape), cache, plan);
        const { key, value } = gatherCache(cache, plan);
        const read = (values: Float32Array, scale?: number | Float32Array) =>
          encodeRows(values, c, scale).values;
        const got = { key: await key.data(), value: await value.data() };
        cache.dispose();
        const exact = c.dtype === 'float32';
        assertSame('keys', got.key, exact ? k : read(k, scales.kScale));
        assertSame('values', got.value, exact ? v : read(v, scales.vScale));
      }),
  };
}

const isScaled = ({ dtype }: CacheCase) => !hasTokenScales(dtype) && bytesPerElement(dtype) === 1;

/** Writing and reading tokens, to the bit. */
export function cacheTokens(full: boolean): Spec[] {
  return [
    ...cacheCases('reshape_and_cache', full).map((c) => writeSpec(c, 'tensor')),
    ...cacheCases('reshape_and_cache, a scale per head', full)
      .filter(isScaled)
      .map((c) => writeSpec(c, 'attn_head')),
    ...cacheCases('gather_cache', full).map((c) => gatherSpec(c, full ? 512 : 20)),
  ];
}

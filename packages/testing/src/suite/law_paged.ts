import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import {
  copyBlocks,
  gatherCache,
  HostKvBlocks,
  KV_CACHE_DTYPES,
  mergeAttnStates,
  planAttention,
  reshapeAndCache,
  swapBlocks,
} from '@tfjs-attention/core';
import { assertSame } from './assert.js';
import { assertSameBytes, readCache, twinOf } from './cache_bytes.js';
import {
  layBlocks,
  makeCache,
  makePaged,
  prefixSums,
  runPaged,
  slotsOf,
  type PagedCase,
} from './paged_case.js';
import { inScope, writeTwin } from './in_scope.js';
import { randomFrom } from './random.js';
import type { Spec, Subject } from './subject.js';

const RUNS = 8;

const steps = fc
  .record({
    lengths: fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(40)), {
      minLength: 1,
      maxLength: 4,
    }),
    blockSize: fc.constantFrom(1, 3, 16),
    dtype: fc.constantFrom(...KV_CACHE_DTYPES),
    headSize: fc.integer({ min: 1, max: 12 }),
    seed: fc.nat(1000),
  })
  .map(({ lengths, blockSize, dtype, headSize, seed }): PagedCase => ({
    name: `law ${seed}`,
    queryLens: lengths.map(([queryLen]) => queryLen),
    seqLens: lengths.map(([queryLen, before]) => queryLen + before),
    blockSize,
    dtype,
    size: [headSize, headSize],
  }));

/** A law over random steps; everything made inside is freed. */
function law(name: string, check: (c: PagedCase, subject: Subject) => Promise<void>): Spec {
  return {
    name,
    run: async (subject) => {
      await fc.assert(
        fc.asyncProperty(steps, (c) => inScope(() => check(c, subject))),
        { numRuns: RUNS, seed: 1 },
      );
    },
  };
}

/** A cache that holds the case's keys. */
function filled(c: PagedCase) {
  const data = makePaged(c);
  const cache = makeCache(c, data.numBlocks);
  reshapeAndCache(data.k, data.v, cache, data.writePlan);
  return { data, cache };
}

/** The case over other physical blocks. */
function relaid(c: PagedCase, seed: string) {
  const { blockTables, numBlocks } = layBlocks(randomFrom(seed), c.seqLens, c.blockSize);
  const seqLens = Int32Array.from(c.seqLens);
  return {
    numBlocks,
    plan: planAttention({ queryStartLoc: prefixSums(c.queryLens), seqLens, blockTables }),
    writePlan: planAttention({
      queryStartLoc: prefixSums(c.seqLens),
      seqLens,
      blockTables,
      slotMapping: slotsOf(c.seqLens, blockTables, c.blockSize),
    }),
  };
}

const permutation = law('other physical blocks give the same bits', async (c, subject) => {
  const { data, cache } = filled(c);
  const other = relaid(c, 'elsewhere');
  const moved = makeCache(c, other.numBlocks);
  reshapeAndCache(data.k, data.v, moved, other.writePlan);
  const here = await runPaged(data, cache, subject);
  const there = await runPaged({ ...data, plan: other.plan }, moved, subject);
  cache.dispose();
  moved.dispose();
  assertSame('output', there.output, here.output);
  assertSame('lse', there.lse, here.lse);
});

const writeOrder = law('writing tokens in pieces stores the same bytes', async (c) => {
  const { data, cache } = filled(c);
  const pieces = makeCache(c, data.numBlocks);
  const slots = data.writePlan.slotMapping as Int32Array;
  const order = Array.from(slots.keys()).reverse();
  for (let at = 0; at < order.length; at += 7) {
    const piece = order.slice(at, at + 7);
    const index = tf.tensor1d(piece, 'int32');
    const plan = planAttention({
      queryStartLoc: Int32Array.of(0, piece.length),
      seqLens: Int32Array.of(0),
      blockTables: [[]],
      slotMapping: Int32Array.from(piece, (token) => slots[token]),
    });
    reshapeAndCache(tf.gather(data.k, index), tf.gather(data.v, index), pieces, plan);
  }
  const [a, b] = [await readCache(pieces), await readCache(cache)];
  cache.dispose();
  pieces.dispose();
  assertSameBytes(cache.layout, a, b);
});

const gathering = law('gatherCache = toTensors = what was stored', async (c) => {
  const { data, cache } = filled(c);
  const twin = twinOf(cache);
  const slots = data.writePlan.slotMapping as Int32Array;
  await writeTwin(twin, data.k, data.v, slots);
  const gathered = gatherCache(cache, data.plan);
  const [key, value] = twin.storage.gather(slots);
  const whole = cache.toTensors();
  const rows = tf.tensor1d(slots, 'int32');
  const flat = tf.gather(tf.reshape(whole.key, [-1, ...key.shape.slice(1)]), rows);
  cache.dispose();
  assertSame('keys', await gathered.key.data(), key.dataSync());
  assertSame('values', await gathered.value.data(), value.dataSync());
  assertSame('toTensors', await flat.data(), key.dataSync());
});

const parking = law('swapping out, overwriting and swapping back changes nothing', async (c) => {
  const { data, cache } = filled(c);
  const before = await readCache(cache);
  const blocks = Array.from({ length: data.numBlocks }, (_, i) => i);
  const parked = new HostKvBlocks(cache, data.numBlocks);
  await swapBlocks(
    cache,
    parked,
    blocks.map((block) => [block, data.numBlocks - 1 - block]),
  );
  const { writePlan } = data;
  reshapeAndCache(tf.zerosLike(data.k), tf.onesLike(data.v), cache, writePlan);
  await swapBlocks(
    parked,
    cache,
    blocks.map((block) => [data.numBlocks - 1 - block, block]),
  );
  const after = await readCache(cache);
  cache.dispose();
  assertSameBytes(cache.layout, after, before);
});

const copying = law('copied blocks read as their sources', async (c, subject) => {
  const { data, cache } = filled(c);
  const other = relaid(c, 'copies');
  const wide = makeCache(c, data.numBlocks + other.numBlocks);
  reshapeAndCache(data.k, data.v, wide, data.writePlan);
  const pairs: [number, number][] = [];
  const tables = other.plan.blockTables.map((block, i) => {
    const used = (i % other.plan.maxBlocksPerSeq) * c.blockSize <
      c.seqLens[Math.floor(i / other.plan.maxBlocksPerSeq)]; // prettier-ignore
    if (!used) return 0;
    pairs.push([data.plan.blockTables[i], block + data.numBlocks]);
    return block + data.numBlocks;
  });
  copyBlocks(wide, pairs);
  const plan = planAttention({
    queryStartLoc: prefixSums(c.queryLens),
    seqLens: Int32Array.from(c.seqLens),
    blockTables: tables,
  });
  const here = await runPaged(data, cache, subject);
  const there = await runPaged({ ...data, plan }, wide, subject);
  cache.dispose();
  wide.dispose();
  assertSame('output', there.output, here.output);
});

const nothing: Spec = {
  name: 'merging two states without keys gives 0 and -Infinity, and any state with one of them itself',
  run: () =>
    inScope(async () => {
      const empty = { output: tf.zeros([3, 2, 4]), lse: tf.fill([3, 2], -Infinity) };
      const none = mergeAttnStates(empty, { output: tf.fill([3, 2, 4], NaN), lse: empty.lse });
      assertSame('output', await none.output.data(), new Float32Array(24));
      assertSame('lse', await none.lse.data(), new Float32Array(6).fill(-Infinity));
      const full = {
        output: tf.randomNormal([3, 2, 4], 0, 1, 'float32', 5),
        lse: tf.randomNormal([3, 2], 0, 3, 'float32', 6),
      };
      const unbounded = { ...empty, lse: tf.fill([3, 2], Infinity) };
      for (const other of [empty, unbounded]) {
        for (const merged of [mergeAttnStates(full, other), mergeAttnStates(other, full)]) {
          assertSame('output', await merged.output.data(), await full.output.data());
          assertSame('lse', await merged.lse.data(), await full.lse.data());
        }
      }
      const sinks = new Float32Array(2).fill(-Infinity);
      const sunk = mergeAttnStates(empty, empty, { sinks: [0, 3] });
      assertSame('output with sinks', await sunk.output.data(), new Float32Array(24));
      assertSame('lse with sinks', await sunk.lse.data(), new Float32Array(6).fill(-Infinity));
      const same = mergeAttnStates(full, empty, { sinks });
      assertSame(
        'output with sinks of -Infinity',
        await same.output.data(),
        await full.output.data(),
      );
    }),
};

export const pagedLaws: readonly Spec[] = [
  permutation,
  writeOrder,
  gathering,
  parking,
  copying,
  nothing,
];

import * as tf from '@tensorflow/tfjs-core';
import {
  flashAttention,
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
} from '@tfjs-attention/core';
import { drain } from './gpu.js';

const ROUNDS = 1000;
/** Queries differ from round to round, so that what an earlier round left in memory is not the answer. */
const VARIANTS = 7;
const TOKENS = 16;
/** Milliseconds of work for the GPU, given in less than one. */
const LONG_OPS = 24;

type Attend = (x: tf.Tensor3D) => tf.Tensor;

/**
 * Rounds of a long TensorFlow op, ours on what a TensorFlow op makes right after it, and a TensorFlow op on that; how
 * many did not give the bits that the same ops give one at a time. In one stream that is none.
 */
export function race(): { rounds: number; wrong: number; queuedMs: number } {
  const long = tf.fill([2 ** 26], 0.5);
  const base = tf.randomNormal<tf.Rank.R3>([TOKENS, 4, 64], 0, 1, 'float32', 1);
  // A number that JavaScript gives is copied to the GPU, which waits for all that was given to it.
  const scales = Array.from({ length: VARIANTS }, (_, variant) => tf.neg(tf.scalar(variant)));
  const { attend, dispose } = overCache();
  const bodies = [dense, attend];
  const expected = bodies.map((body) => answers(body, base, scales));
  const queuedMs = workAhead(long);
  let wrong = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const [body, answer] = [bodies[round % 2], expected[round % 2][round % VARIANTS]];
    const values = tf.tidy(() => {
      keepBusy(long);
      return tf.neg(body(tf.mul(base, scales[round % VARIANTS]))).dataSync();
    });
    if (!values.every((value, i) => Object.is(value, answer[i]))) wrong++;
  }
  tf.dispose([long, base, ...scales]);
  dispose();
  return { rounds: ROUNDS, wrong, queuedMs };
}

function keepBusy(x: tf.Tensor): void {
  for (let y = x, i = 0; i < LONG_OPS; i++) y = tf.sin(y);
}

/** For how long the GPU goes on once the host has given it a round's long ops. */
function workAhead(long: tf.Tensor): number {
  drain();
  tf.tidy(() => keepBusy(long));
  const given = performance.now();
  drain();
  return performance.now() - given;
}

/** Bits of each variant, with the device drained between any two ops. */
function answers(body: Attend, base: tf.Tensor3D, scales: tf.Tensor[]): Float32Array[] {
  return scales.map((scale) =>
    tf.tidy(() => {
      const x = tf.mul<tf.Tensor3D>(base, scale);
      drain();
      const y = body(x);
      drain();
      return tf.neg(y).dataSync() as Float32Array;
    }),
  );
}

function dense(x: tf.Tensor3D): tf.Tensor {
  const q = x.reshape<tf.Tensor4D>([1, TOKENS, 4, 64]);
  return flashAttention(q, q, q, { causal: true });
}

/** Writes keys and values to a cache and reads them back in one op after the other. */
function overCache(): { attend: Attend; dispose: () => void } {
  const spec = new FullAttentionSpec({ blockSize: 16, numKvHeads: 4, headSize: 64 });
  const cache = new KvCache(spec, { numBlocks: 2, dtype: 'bfloat16' });
  const plan = planAttention({
    queryStartLoc: Int32Array.of(0, TOKENS),
    seqLens: Int32Array.of(TOKENS),
    blockTables: [[1]],
    slotMapping: Int32Array.from({ length: TOKENS }, (_, i) => 16 + i),
  });
  return {
    attend: (x) => {
      reshapeAndCache(x, x, cache, plan);
      return pagedAttention(x, cache, plan);
    },
    dispose: () => {
      plan.dispose();
      cache.dispose();
    },
  };
}

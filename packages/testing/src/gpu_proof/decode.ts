import { spawnSync } from 'node:child_process';
import * as tf from '@tensorflow/tfjs-core';
import {
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
} from '@tfjs-attention/core';
import { drain, tensorFlow, type Finding } from './gpu.js';

const STEPS = 10_000;
const WARM_UP = 2_000;
const BLOCKS = 64;
const spec = new FullAttentionSpec({ blockSize: 16, numKvHeads: 8, headSize: 128 });

/** 10,000 decode steps: neither TensorFlow's tensors nor the GPU's memory grow. */
export function* decode(): Generator<Finding> {
  const cache = new KvCache(spec, { numBlocks: BLOCKS, dtype: 'bfloat16' });
  const table = [Array.from({ length: BLOCKS }, (_, i) => (i * 37) % BLOCKS)];
  for (let step = 0; step < WARM_UP; step++) decodeStep(cache, table, step % 1024);
  drain();
  const before = measure();
  const start = performance.now();
  for (let step = 0; step < STEPS; step++) decodeStep(cache, table, step % 1024);
  drain();
  const micros = ((performance.now() - start) * 1000) / STEPS;
  const after = measure();
  cache.dispose();
  yield {
    text:
      `${STEPS} steps of ${micros.toFixed(0)} us; tfjs tensors ${before.tfjs} -> ${after.tfjs}, TensorFlow's ` +
      `${before.tensorFlow} -> ${after.tensorFlow}, GPU ${before.mebibytes} -> ${after.mebibytes} MiB`,
    holds: JSON.stringify(before) === JSON.stringify(after),
  };
}

function decodeStep(cache: KvCache, blockTables: number[][], position: number): void {
  tf.tidy(() => {
    const q = tf.fill<tf.Rank.R3>([1, 32, 128], position / 1024);
    const k = tf.fill<tf.Rank.R3>([1, 8, 128], 1);
    const plan = planAttention({
      queryStartLoc: Int32Array.of(0, 1),
      seqLens: Int32Array.of(position + 1),
      blockTables,
      slotMapping: Int32Array.of(blockTables[0][position >> 4] * 16 + (position & 15)),
    });
    reshapeAndCache(k, k, cache, plan);
    pagedAttention(q, cache, plan);
    plan.dispose();
  });
}

/** With TF_FORCE_GPU_ALLOW_GROWTH=true the driver's figure grows with what TensorFlow holds. */
function measure() {
  const { stdout } = spawnSync(
    'nvidia-smi',
    ['--query-gpu=memory.used', '--format=csv,noheader,nounits'],
    { encoding: 'utf8' },
  );
  return {
    tfjs: tf.memory().numTensors,
    tensorFlow: tensorFlow().binding.getNumOfTensors(),
    mebibytes: Number(stdout),
  };
}

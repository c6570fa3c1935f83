import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { flashAttention } from '@tfjs-attention/core';
import { expect, test } from '@jest/globals';
import { build } from 'esbuild';
import './index.js';
import { describeTensorFlow } from './tensorflow_test.js';

const PACKAGES = fileURLToPath(new URL('../../', import.meta.url));
/** As deep as src/addon, from where the addon is looked for. */
const FOLDER = join(PACKAGES, 'backend-node/build/worker');

/** Attends, fills a cache and reads it back, 50 times, and posts what came of it. */
const PROGRAM = `
  import { parentPort, workerData } from 'node:worker_threads';
  import '@tensorflow/tfjs-node';
  import * as tf from '@tensorflow/tfjs-core';
  import '../../src/index.js';
  import { flashAttention, FullAttentionSpec, KvCache, planAttention, reshapeAndCache, pagedAttention } from '@tfjs-attention/core';

  await tf.setBackend('tensorflow');
  const x = tf.tensor(workerData, [1, 8, 2, 8]);
  const out = flashAttention(x, x, x, { causal: true, implementation: 'FUSED' }).dataSync();
  const cache = new KvCache(new FullAttentionSpec({ blockSize: 4, numKvHeads: 2, headSize: 8 }), { numBlocks: 2 });
  const packed = tf.reshape(x, [8, 2, 8]);
  const plan = planAttention({
    queryStartLoc: Int32Array.of(0, 8), seqLens: Int32Array.of(8), blockTables: [[1, 0]],
    slotMapping: Int32Array.of(4, 5, 6, 7, 0, 1, 2, 3),
  });
  let paged;
  for (let i = 0; i < 50; i++) {
    reshapeAndCache(packed, packed, cache, plan);
    paged = pagedAttention(packed, cache, plan).dataSync();
  }
  cache.dispose();
  parentPort.postMessage({ out, paged });
`;

async function bundle(): Promise<string> {
  mkdirSync(FOLDER, { recursive: true });
  const entry = join(FOLDER, 'entry.ts');
  writeFileSync(entry, PROGRAM);
  const outfile = join(FOLDER, 'worker.mjs');
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['@tensorflow/*'],
    alias: {
      '@tfjs-attention/core': join(PACKAGES, 'core/src/index.ts'),
      '@tfjs-attention/core/provider': join(PACKAGES, 'core/src/provider.ts'),
    },
    // The manifest names dist where importing has effects, not src.
    ignoreAnnotations: true,
    logLevel: 'error',
  });
  return outfile;
}

interface Answer {
  out: Float32Array;
  paged: Float32Array;
}

function ask(file: string, values: Float32Array): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(file, { workerData: values });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

describeTensorFlow('worker threads', () => {
  test('attend beside each other and the main thread, with caches of their own', async () => {
    await tf.setBackend('tensorflow');
    const values = Float32Array.from({ length: 128 }, (_, i) => Math.sin(i));
    const x = tf.tensor4d(values, [1, 8, 2, 8]);
    const expected = flashAttention(x, x, x, { causal: true, implementation: 'FUSED' }).dataSync();
    const file = await bundle();
    const answers = await Promise.all([1, 2, 3].map(() => ask(file, values)));
    for (const { out, paged } of answers) {
      expect(out).toEqual(expected);
      paged.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 5));
    }
  });
});

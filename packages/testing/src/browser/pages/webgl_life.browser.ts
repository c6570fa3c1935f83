// @page {"devices": ["webgl"]}
// How the kernels live in one WebGL context: long decoding, growing sequences, tfjs's own ways, refused work, a lost context.
import * as tf from '@tensorflow/tfjs-core';
import { registerWebGLBackend } from '@tfjs-attention/backend-webgl';
import {
  explainAttnBackend,
  flashAttention,
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
} from '@tfjs-attention/core';
import { KERNEL_NAMES, TRAINING_KERNEL_NAMES } from '@tfjs-attention/core/provider';
import { attend } from '../attend.js';
import { countCalls } from '../count_calls.js';
import { expectClose, expectEqual, pageTest } from '../page_test.js';
import { contextOf, setWebGlBackend } from '../webgl.js';

const SPEC = new FullAttentionSpec({ blockSize: 8, numKvHeads: 1, headSize: 8 });

/** Decodes one token a step into blocks of `cache`, at most 64 keys long, and reads each result. */
async function decode(cache: KvCache, steps: number): Promise<void> {
  const blockTables = [[3, 1, 2, 0, 4, 5, 6, 7]];
  for (let step = 0; step < steps; step++) {
    const position = step % 64;
    const plan = planAttention({
      queryStartLoc: Int32Array.of(0, 1),
      seqLens: Int32Array.of(position + 1),
      blockTables,
      slotMapping: Int32Array.of(blockTables[0][position >> 3] * 8 + (position & 7)),
    });
    const q = tf.fill([1, 2, 8], step % 7);
    const kv = tf.fill([1, 1, 8], position);
    reshapeAndCache(kv, kv, cache, plan);
    const output = pagedAttention(q, cache, plan, { implementation: 'FUSED' });
    if (step % 50 === 0) await output.data();
    tf.dispose([q, kv, output]);
    plan.dispose();
  }
}

pageTest('1,000 decode steps make no tensor, texture, program or framebuffer', async () => {
  await setWebGlBackend();
  const cache = new KvCache(SPEC, { numBlocks: 8 });
  await decode(cache, 70);
  const made = countCalls(contextOf(), [
    'createTexture',
    'createProgram',
    'createFramebuffer',
    'deleteTexture',
  ]);
  const before = tf.memory() as tf.MemoryInfo & { numBytesInGPU: number };
  await decode(cache, 1000);
  const after = tf.memory() as tf.MemoryInfo & { numBytesInGPU: number };
  expectEqual(made.stop(), {});
  expectEqual(
    [after.numTensors, after.numBytes, after.numBytesInGPU],
    [before.numTensors, before.numBytes, before.numBytesInGPU],
  );
  cache.dispose();
});

pageTest('a sequence that grows over 200 steps links no further program', async () => {
  await setWebGlBackend();
  const [k, v] = [1, 2].map((seed) => tf.randomNormal([1, 230, 2, 8], 0, 1, 'float32', seed));
  const step = (length: number) =>
    tf.tidy(() => {
      const part = (x: tf.Tensor) => tf.slice(x, [0, 0, 0, 0], [1, length, 2, 8]);
      const q = tf.slice(k, [0, length - 1, 0, 0], [1, 1, 2, 8]);
      return flashAttention(q, part(k), part(v), { causal: true, implementation: 'FUSED' });
    });
  step(1).dispose();
  const made = countCalls(contextOf(), ['linkProgram']);
  for (let length = 2; length <= 202; length++) step(length).dispose();
  expectEqual(made.stop(), {});
  tf.dispose([k, v]);
});

pageTest("a cache's bytes are in tf.memory(), and it stores one byte a value", async () => {
  await setWebGlBackend();
  const bytesInGpu = () => (tf.memory() as unknown as { numBytesInGPU: number }).numBytesInGPU;
  const before = bytesInGpu();
  const spec = new FullAttentionSpec({ blockSize: 16, numKvHeads: 8, headSize: 64 });
  const cache = new KvCache(spec, { numBlocks: 64, dtype: 'int8' });
  expectEqual(cache.memory().bytes, 64 * 16 * 8 * (64 + 64));
  expectEqual(bytesInGpu() - before, cache.memory().bytes);
  cache.dispose();
  expectEqual(bytesInGpu(), before);
});

pageTest('outputs chain with stock ops, packed operands and slices are read', async () => {
  await setWebGlBackend();
  const x = tf.randomNormal([1, 6, 2, 8], 0, 1, 'float32', 3);
  const run = (implementation: 'FUSED' | 'COMPOSED') =>
    tf.tidy(() => {
      // An add makes a packed texture, a slice of leading rows shares its source's.
      const packed = tf.add(x, 1);
      const part = tf.slice(x, [0, 2, 0, 0], [1, 3, 2, 8]);
      const out = flashAttention(packed, part, part, { implementation });
      return tf.sum(tf.matMul(out, tf.transpose(out, [0, 1, 3, 2])), -1).dataSync();
    });
  expectClose(run('FUSED'), run('COMPOSED'), 1e-4);
  x.dispose();
});

pageTest('tf.time and tf.profile see the kernels', async () => {
  await setWebGlBackend();
  const x = tf.ones([1, 6, 2, 8]);
  const call = () => flashAttention(x, x, x, { implementation: 'FUSED' }).dispose();
  const { kernelMs } = await tf.time(call);
  // Firefox has no timers; tfjs then says so instead.
  const hasTimer = tf.env().getNumber('WEBGL_DISJOINT_QUERY_TIMER_EXTENSION_VERSION') > 0;
  expectEqual(typeof kernelMs, hasTimer ? 'number' : 'object');
  if (typeof kernelMs === 'number') expectEqual(kernelMs > 0, true);
  const { kernels } = await tf.profile(call);
  const ours = kernels.find(({ name }) => name === 'TfjsAttnPrefill');
  expectEqual(ours?.outputShapes, [[1, 6, 2, 8]]);
  x.dispose();
});

pageTest('the plugin is the whole stock backend and ours', async () => {
  await setWebGlBackend();
  const kernelsOf = (name: string) =>
    tf
      .getKernelsForBackend(name)
      .map(({ kernelName }) => kernelName)
      .sort();
  registerWebGLBackend({ name: 'webgl-attention' });
  expectEqual(kernelsOf('webgl-attention'), kernelsOf('webgl'));
  expectEqual(
    kernelsOf('webgl').filter((name) => name.startsWith('TfjsAttn')),
    [...KERNEL_NAMES, ...TRAINING_KERNEL_NAMES].sort(),
  );
  const expected = await attend('FUSED');
  expectEqual(await tf.setBackend('webgl-attention'), true);
  expectEqual(await attend('FUSED'), expected);
  await setWebGlBackend();
  expectEqual(await attend('FUSED'), expected);
});

pageTest('an output past the texture limit is refused, and the next call runs', async () => {
  await setWebGlBackend();
  const most = contextOf().getParameter(contextOf().MAX_TEXTURE_SIZE) as number;
  tf.env().set('WEBGL_MAX_TEXTURE_SIZE', 16);
  const x = tf.zeros([1, 80, 2, 8]);
  let name = '';
  try {
    flashAttention(x, x, x, { implementation: 'FUSED' });
  } catch (error) {
    ({ name } = error as Error);
  } finally {
    tf.env().set('WEBGL_MAX_TEXTURE_SIZE', most);
  }
  expectEqual(name, 'CapacityError');
  expectClose(await attend('FUSED'), await attend('COMPOSED'), 1e-5);
});

pageTest('after a lost context: a DeviceError, then tfjs starts anew', async () => {
  await setWebGlBackend();
  const expected = await attend('FUSED');
  const cache = new KvCache(SPEC, { numBlocks: 8 });
  const gl = contextOf();
  gl.getExtension('WEBGL_lose_context')?.loseContext();
  const message = await decode(cache, 1).then(
    () => 'ran',
    (error: Error) => error.name,
  );
  expectEqual(message, 'DeviceError');
  expectEqual(
    explainAttnBackend(8).rejected.some(({ reasons }) => /lost/.test(reasons.join())),
    true,
  );
  cache.dispose();
  await new Promise((resolve) => setTimeout(resolve, 50));
  // In tests tfjs keeps its programs, which are lost too.
  tf.env().set('IS_TEST', false);
  tf.removeBackend('webgl');
  const { MathBackendWebGL } = await import('@tensorflow/tfjs-backend-webgl');
  tf.registerBackend('webgl', () => new MathBackendWebGL(), 2);
  await setWebGlBackend();
  expectClose(await attend('FUSED'), expected, 0);
});

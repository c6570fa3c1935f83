// @page {"devices": ["webgl"]}
// Devices at the edge of what is asked of them, four render targets; caches of more than one layer, and of too many.
// The union package registers tfjs's gradients.
import * as tf from '@tensorflow/tfjs';
import { registerWebGLBackend } from '@tfjs-attention/backend-webgl';
import {
  CapacityError,
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
} from '@tfjs-attention/core';
import { providerFor } from '@tfjs-attention/core/provider';
import { conformanceGroups } from '@tfjs-attention/testing';
import { believeLimits } from '../../../../backend-webgl/src/device/limits.js';
import { expectClose, expectEqual, pageTest } from '../page_test.js';
import { setWebGlBackend } from '../webgl.js';

const subject = { label: 'webgl, four targets', tfBackend: 'four-targets' };
/** Gradients are cut otherwise with four targets; of the rest a few will do. */
const everyOf = (group: string) => (group === 'gradients' ? 50 : 200);

/** A backend of that name, whose device comes up with these limits. */
async function setBackendWith(name: string, limits: Parameters<typeof believeLimits>[0]) {
  believeLimits(limits);
  registerWebGLBackend({ name });
  await tf.setBackend(name);
  const about = providerFor(name)?.describe();
  believeLimits({});
  return about;
}

pageTest('a device of four render targets says so', async () => {
  await setWebGlBackend();
  const about = await setBackendWith(subject.tfBackend, { drawBuffers: 4 });
  expectEqual(/, 4 render targets,/.test(about ?? ''), true);
});

const specs = conformanceGroups(subject)
  .filter(({ name }) => name !== "life in tfjs's engine")
  .flatMap(({ name: group, specs }) => specs.map(({ name, run }) => ({ name, group, run })));
for (const { name, group, run } of specs.filter(({ group }, i) => i % everyOf(group) === 0)) {
  pageTest(`four render targets, ${group}: ${name}`, async () => run(subject));
}

/** A block of each takes 2048 texels, so 2048 of them fill a layer. */
const WIDE = new FullAttentionSpec({
  blockSize: 32,
  numKvHeads: 1,
  headSize: 256,
  valueHeadSize: 4,
});
const PER_LAYER = 2048;

pageTest('a cache goes on in a second layer', async () => {
  await setWebGlBackend();
  const cache = new KvCache(WIDE, { numBlocks: PER_LAYER + 2 });
  // The sequence crosses over and comes back.
  const blocks = [PER_LAYER - 1, PER_LAYER + 1, 0];
  const keys = 70;
  const plan = planAttention({
    queryStartLoc: Int32Array.of(0, keys),
    seqLens: Int32Array.of(keys),
    blockTables: [blocks],
    slotMapping: Int32Array.from({ length: keys }, (_, j) => blocks[j >> 5] * 32 + (j & 31)),
  });
  const k = tf.zeros<tf.Rank.R3>([keys, 1, 256]);
  const values = Array.from({ length: keys }, (_, j) => [j, 1, -j, 0]).flat();
  reshapeAndCache(k, tf.tensor3d(values, [keys, 1, 4]), cache, plan);
  // Keys of zeros: every row is the mean of the values that it sees.
  const means = Array.from({ length: keys }, (_, i) => [i / 2, 1, -i / 2, 0]).flat();
  const output = pagedAttention(k, cache, plan, { implementation: 'FUSED' });
  expectClose(await output.data(), means, 1e-4);
  cache.dispose();
});

pageTest('a cache of more layers than there are is refused, and nothing is kept', async () => {
  await setBackendWith('one-layer', { maxLayers: 1 });
  const before = tf.memory().numBytes;
  let refused: unknown;
  try {
    new KvCache(WIDE, { numBlocks: PER_LAYER + 1 });
  } catch (error) {
    refused = error;
  }
  expectEqual(refused instanceof CapacityError && /1 layers/.test(refused.message), true);
  expectEqual(tf.memory().numBytes, before);
});

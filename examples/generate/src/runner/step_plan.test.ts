import { beforeAll, expect, test } from '@jest/globals';
import { setBackend } from '@tensorflow/tfjs-core';
import { DiskFiles } from '../checkpoint/disk_files.js';
import { readModelConfig } from '../config/config.js';
import { variantPath } from '../fixtures.js';
import '../tf_backend.js';
import { cacheSpecs, KvCaches } from './kv_caches.js';
import { planStep } from './step_plan.js';

beforeAll(() => setBackend('cpu'));

test('packs sequences; layers of a group share a plan, groups have tables of their own', () => {
  const config = {
    ...readModelConfig(new DiskFiles(variantPath('gemma2-softcap'))),
    slidingWindows: [4, null, 4, null],
  };
  const names = ['a', 'b', 'c', 'd'];
  const specs = cacheSpecs(names, config, { blockSize: 2, kvCacheDtype: 'auto' });
  const caches = new KvCaches(specs, 20);
  const plan = planStep(
    [
      {
        start: 0,
        count: 3,
        blockIds: [
          [1, 2],
          [3, 4],
        ],
      },
      // Blocks before the window have become the null block.
      {
        start: 8,
        count: 1,
        blockIds: [
          [0, 0, 5, 6, 7],
          [8, 9, 10, 11, 12],
        ],
      },
    ],
    caches.config,
  );
  expect(plan.positions).toEqual(Int32Array.of(0, 1, 2, 8));
  const { a, b, c, d } = plan.attnMetadata;
  expect([c, d]).toEqual([a, b]);
  expect(a.queryStartLoc).toEqual(Int32Array.of(0, 3, 4));
  expect(a.seqLens).toEqual(Int32Array.of(3, 9));
  expect(a.slotMapping).toEqual(Int32Array.of(2, 3, 4, 14));
  expect(b.slotMapping).toEqual(Int32Array.of(6, 7, 8, 24));
  expect(b.blockTables.subarray(5)).toEqual(Int32Array.of(8, 9, 10, 11, 12));
  plan.dispose();
  expect(a.isDisposed && b.isDisposed).toBe(true);
  caches.dispose();
});

import { beforeAll, describe, expect, test } from '@jest/globals';
import { fill, setBackend, type Rank } from '@tensorflow/tfjs-core';
import {
  gatherCache,
  KvCacheManager,
  KvCacheRequest,
  makeKvCacheConfig,
  planAttention,
  reshapeAndCache,
  SlidingWindowSpec,
  type KvCache,
} from '@tfjs-attention/core';
import { DiskFiles } from '../checkpoint/disk_files.js';
import { readModelConfig } from '../config/config.js';
import { variantPath } from '../fixtures.js';
import '../tf_backend.js';
import { blocksForOne, cacheSpecs, KvCaches } from './kv_caches.js';

beforeAll(() => setBackend('cpu'));

/** Specs of layers with these windows. */
function specsOf(slidingWindows: (number | null)[], blockSize = 4) {
  const config = {
    ...readModelConfig(new DiskFiles(variantPath('gemma2-softcap'))),
    slidingWindows,
  };
  const names = slidingWindows.map((_, i) => `layer${i}`);
  return cacheSpecs(names, config, { blockSize, kvCacheDtype: 'auto' });
}

test('layers of two kinds share memory, each group with a block table of its own', () => {
  const caches = new KvCaches(specsOf([16, null, 16, null]), 5);
  const groups = caches.config.kvCacheGroups.map(({ layerNames, kvCacheSpec }) => ({
    layerNames,
    windowed: kvCacheSpec instanceof SlidingWindowSpec,
  }));
  expect(groups).toEqual([
    { layerNames: ['layer0', 'layer2'], windowed: true },
    { layerNames: ['layer1', 'layer3'], windowed: false },
  ]);
  const { byLayer } = caches;
  expect(byLayer.layer0).toBe(byLayer.layer1);
  expect(byLayer.layer2).toBe(byLayer.layer3);
  expect(byLayer.layer0).not.toBe(byLayer.layer2);
  // 2 caches of 5 blocks of 4 tokens, 2 heads of 8 + 8 float32.
  expect(caches.bytes).toBe(2 * 5 * 4 * 2 * 16 * 4);
  caches.dispose();
  expect(byLayer.layer0.isDisposed && byLayer.layer2.isDisposed).toBe(true);
});

test('copies blocks in the memory of all layers of a group', () => {
  const caches = new KvCaches(specsOf([16, null, 16, null]), 5);
  const kvCacheConfig = caches.config;
  const manager = new KvCacheManager({ kvCacheConfig, maxModelLen: 90, enableCaching: false });
  const [parent, child] = ['parent', 'child'].map(
    (name) => new KvCacheRequest(name, [1, 2], { blockSize: 4 }),
  );
  manager.allocateSlots(parent, 2);
  parent.numComputedTokens = child.numComputedTokens = 2;
  const [[from], [other]] = manager.getBlockIds('parent');
  for (const cache of [caches.byLayer.layer0, caches.byLayer.layer2]) {
    [from, other].forEach((block) => fillBlock(cache, block));
  }
  manager.fork(parent, child);
  // The child's next token goes into a block that its parent reads.
  manager.allocateSlots(child, 1);
  caches.copyBlocks(manager.takeBlockCopies());
  const [[copy], [otherCopy]] = manager.getBlockIds('child');
  for (const cache of [caches.byLayer.layer1, caches.byLayer.layer3]) {
    expect([copy, otherCopy].map((block) => numberIn(cache, block))).toEqual([from, other]);
  }
  caches.dispose();
});

const planFor = (block: number) =>
  planAttention({
    queryStartLoc: Int32Array.of(0, 1),
    seqLens: Int32Array.of(1),
    blockTables: [[block]],
    slotMapping: Int32Array.of(4 * block),
  });

/** Makes a block's number its first key. */
function fillBlock(cache: KvCache, block: number): void {
  const plan = planFor(block);
  const key = fill<Rank.R3>([1, 2, 8], block);
  reshapeAndCache(key, key, cache, plan);
  plan.dispose();
}

function numberIn(cache: KvCache, block: number): number {
  const plan = planFor(block);
  const [number] = gatherCache(cache, plan).key.dataSync();
  plan.dispose();
  return number;
}

describe('blocks for one sequence', () => {
  test.each([
    [[null, null], 100, 8, 7],
    [[5, 5], 100, 8, 2],
    [[50], 20, 8, 2],
    [[5, null], 100, 8, 2 + 7],
    // Groups are as long as the shorter kind: two groups of windows.
    [[5, null, 5], 100, 8, 2 + 7 + 2],
  ])('windows %j, %d tokens in steps of up to %d: %d', (windows, tokens, chunk, blocks) =>
    expect(blocksForOne(specsOf(windows, 16), tokens, chunk)).toBe(1 + blocks),
  );

  test('are never too few', () => {
    for (const blockSize of [1, 3, 4, 16]) {
      for (const windows of [[1], [7, null], [16, null, 16], [33, 33]]) {
        for (const chunk of [1, 2, 5, 16]) {
          const specs = specsOf(windows, blockSize);
          const numBlocks = blocksForOne(specs, 90, chunk);
          const kvCacheConfig = makeKvCacheConfig(specs, { numBlocks });
          const manager = new KvCacheManager({ kvCacheConfig, maxModelLen: 90 });
          const request = new KvCacheRequest('one', [], { blockSize });
          while (request.numComputedTokens < 90) {
            const count = request.numComputedTokens < 60 ? chunk : 1;
            const step = Math.min(count, 90 - request.numComputedTokens);
            expect(manager.allocateSlots(request, step)).not.toBeNull();
            request.append(Array<number>(step).fill(3));
            request.numComputedTokens += step;
          }
        }
      }
    }
  });
});

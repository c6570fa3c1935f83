import {
  copyBlocks,
  FullAttentionSpec,
  KvCache,
  makeKvCacheConfig,
  SlidingWindowSpec,
  type BlockPairs,
  type KvCacheConfig,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import type { ModelConfig } from '../config/config.js';

/** A cache spec a layer, by the name of the layer. */
export type CacheSpecs = Readonly<Record<string, FullAttentionSpec | SlidingWindowSpec>>;

export interface CacheOptions {
  /** C, tokens a block. */
  blockSize: number;
  kvCacheDtype: KvCacheDtype | 'auto';
}

/** Says what each layer keeps: all keys, or those of its window. */
export function cacheSpecs(
  layerNames: readonly string[],
  { numKvHeads, headSize, slidingWindows }: ModelConfig,
  { blockSize, kvCacheDtype }: CacheOptions,
): CacheSpecs {
  const dtype = kvCacheDtype === 'auto' ? 'float32' : kvCacheDtype;
  const geometry = { blockSize, numKvHeads, headSize, dtype };
  const specs = slidingWindows.map((slidingWindow) =>
    slidingWindow === null
      ? new FullAttentionSpec(geometry)
      : new SlidingWindowSpec({ ...geometry, slidingWindow }),
  );
  return Object.fromEntries(specs.map((spec, i) => [layerNames[i], spec]));
}

/**
 * Blocks that one sequence of `tokens` tokens needs in all groups together, the null block included, when up to `chunk`
 * tokens are appended in one step.
 */
export function blocksForOne(specs: CacheSpecs, tokens: number, chunk: number): number {
  // Groups do not depend on the number of blocks.
  const { kvCacheGroups } = makeKvCacheConfig(specs, { numBlocks: 2 });
  return kvCacheGroups.reduce((sum, { layerNames }) => {
    const spec = specs[layerNames[0]];
    const all = Math.ceil(tokens / spec.blockSize);
    if (!(spec instanceof SlidingWindowSpec)) return sum + all;
    // The live span may start and end inside a block.
    const live = Math.ceil((spec.slidingWindow - 1 + chunk) / spec.blockSize) + 1;
    return sum + Math.min(all, live);
  }, 1);
}

/** The memory of all layers: one pool of blocks, which layers of different kinds share. */
export class KvCaches {
  readonly config: KvCacheConfig;
  /** By layer name; layers that share memory have the same. */
  readonly byLayer: Readonly<Record<string, KvCache>>;
  private readonly caches: readonly KvCache[];

  constructor(specs: CacheSpecs, numBlocks: number) {
    this.config = makeKvCacheConfig(specs, { numBlocks });
    const caches: KvCache[] = [];
    try {
      for (const { sharedBy } of this.config.kvCacheTensors) {
        const spec = specs[sharedBy[0]];
        // Turned rows halve what four bits cost the model's loss; the other types lose too little to pay for it.
        const rotation = spec.dtype === 'int4_per_token_head' ? 'hadamard' : 'none';
        caches.push(new KvCache(spec, { numBlocks, dtype: spec.dtype, rotation }));
      }
    } catch (error) {
      caches.forEach((cache) => cache.dispose());
      throw error;
    }
    this.caches = caches;
    this.byLayer = Object.fromEntries(
      this.config.kvCacheTensors.flatMap(({ sharedBy }, i) =>
        sharedBy.map((layer) => [layer, caches[i]]),
      ),
    );
  }

  /** Bytes of all caches together. */
  get bytes(): number {
    return this.caches.reduce((sum, cache) => sum + cache.memory().bytes, 0);
  }

  /** Makes the copies that a manager's `takeBlockCopies` asks for, one list a group. */
  copyBlocks(copies: readonly BlockPairs[]): void {
    copies.forEach((pairs, group) => {
      const { layerNames } = this.config.kvCacheGroups[group];
      if (pairs.length > 0)
        copyBlocks(
          layerNames.map((layer) => this.byLayer[layer]),
          pairs,
        );
    });
  }

  dispose(): void {
    this.caches.forEach((cache) => cache.dispose());
  }
}

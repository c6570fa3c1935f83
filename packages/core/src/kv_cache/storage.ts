import type { BlockPairs, KvBlockBytes, KvCacheLayout } from './layout.js';

/**
 * Where one cache's bytes live: host arrays ('host'), or what a backend's kernels read ('fused'): WebAssembly memory,
 * textures, a storage buffer, a TensorFlow tensor. Capacity is fixed. Methods check nothing: the ops did.
 */
export interface KvStorage {
  readonly kind: 'host' | 'fused';
  readonly layout: KvCacheLayout;
  /** Bytes held. */
  readonly bytes: number;
  copyBlocks(pairs: BlockPairs): void;
  readBlocks(blocks: readonly number[]): Promise<KvBlockBytes> | KvBlockBytes;
  writeBlocks(blocks: readonly number[], bytes: KvBlockBytes): void;
  dispose(): void;
}

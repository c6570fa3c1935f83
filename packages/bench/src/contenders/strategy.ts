import { explainAttnBackend, type KvCacheDtype } from '@tfjs-attention/core';
import { BLOCK_SIZE, type Cell } from '../grid.js';

/** What serves a cell on the active tfjs backend: 'FUSED', or 'COMPOSED' where no kernel does. */
export function strategyOf({ group, headSize }: Cell, dtype: KvCacheDtype): string {
  const blockSize = group === 'decode' ? BLOCK_SIZE : null;
  return explainAttnBackend({ headSize, kvCacheDtype: dtype, blockSize }).kernels;
}

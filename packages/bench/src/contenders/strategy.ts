import { explainAttnBackend, type KvCacheDtype } from '@tfjs-attention/core';
import { BLOCK_SIZE, isPaged, type Cell } from '../grid.js';

/** What serves a cell on the active tfjs backend: 'FUSED', or 'COMPOSED' where no kernel does. */
export function strategyOf(cell: Cell, dtype: KvCacheDtype): string {
  const { headSize } = cell;
  const blockSize = isPaged(cell) ? BLOCK_SIZE : null;
  return explainAttnBackend({ headSize, kvCacheDtype: dtype, blockSize }).kernels;
}

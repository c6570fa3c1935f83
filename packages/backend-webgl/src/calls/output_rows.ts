import type { AttentionProblem } from '@tfjs-attention/core/provider';
import type { Batch } from '../schedule/batch_ints.js';
import type { GroupBlock } from '../schedule/blocks.js';
import type { OutputTensor } from '../tensors/output.js';

/** Rows of a tensor's texture that hold what groups compute; a token's heads may lie in two blocks. */
export function outputRows(
  { spec: { kv } }: AttentionProblem,
  { tokenOf }: Batch,
  { first, count }: GroupBlock,
  perToken: number,
  { width, height }: OutputTensor,
): { y: number; height: number } {
  if (kv.kind === 'dense' && kv.order === 'bnsh') return { y: 0, height };
  const y = Math.floor((tokenOf[first] * perToken) / width);
  const end = Math.ceil(((tokenOf[first + count] + 1) * perToken) / width);
  return { y, height: Math.min(height, end) - y };
}

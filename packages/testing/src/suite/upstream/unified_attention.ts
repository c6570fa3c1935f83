import { pagedSpec, type PagedCase } from '../paged_case.js';
import type { Spec } from '../subject.js';
import { pairwise, titleOf } from './grid.js';
import { batchOf, shrink, shrinkLength, type Lengths } from './lengths.js';

const TEST = 'test_triton_unified_attention';

const BATCHES = {
  'decode A': [[1, 1328], [1, 18], [1, 463]],
  'decode B': [[1, 1], [1, 54], [1, 293], [1, 70]],
  'varlen A': [[1, 1328], [5, 18], [129, 463]],
  'varlen B': [[1, 523], [1, 37], [1, 2011]],
} as const satisfies Record<string, Lengths>; // prettier-ignore

const AXES = {
  batch: ['decode A', 'decode B', 'varlen A', 'varlen B'],
  heads: [[4, 4], [8, 2], [5, 1]],
  size: [[128, 128], [256, 256], [192, 128]],
  window: [undefined, 64, 128, 256],
  softCap: [undefined, 50],
  dtype: ['bfloat16', 'float32', 'fp8_e4m3', 'int8_per_token_head', 'fp8_per_token_head'],
} as const; // prettier-ignore

function cases(what: string, by: number): PagedCase[] {
  return pairwise(AXES).map((point) => ({
    name: titleOf(TEST, what, AXES, point),
    ...batchOf(shrink(BATCHES[point.batch], by, 18)),
    heads: point.heads,
    size: point.size,
    dtype: point.dtype,
    blockSize: 16,
    features: {
      ...(point.window !== undefined && { slidingWindow: shrinkLength(point.window, by) }),
      ...(point.softCap !== undefined && { logitsSoftCap: point.softCap }),
    },
    ...(by === 1 && { judgedTokens: 8 }),
  }));
}

/** Every batch at the lengths that vLLM has, with few heads. */
function longCases(): PagedCase[] {
  return Object.entries(BATCHES).map(([name, lengths]) => ({
    name: `upstream ${TEST}: ${name} at the original lengths, heads 2/1, size 32, window 256, softCap 50`,
    ...batchOf(lengths),
    heads: [2, 1],
    size: [32, 32],
    blockSize: 16,
    features: { slidingWindow: 256, logitsSoftCap: 50 },
  }));
}

/** vLLM's `test_triton_unified_attention.py` (and `_diffkv.py`: size 192/128, heads 5/1). */
export function unifiedAttention(full: boolean): Spec[] {
  const all = [
    ...cases('lengths / 8', 8),
    ...longCases(),
    ...(full ? cases('original lengths', 1) : []),
  ];
  return all.map(pagedSpec);
}

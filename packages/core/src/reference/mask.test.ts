import { expect, test } from '@jest/globals';
import { describePaged } from '../problem/paged.js';
import { mayAttend, maskRules } from './mask.js';
import { planAttention, type AttentionPlanOptions } from '../utils/plan_attention.js';
import type { AttentionOptions } from '../problem/options.js';
import { zeros } from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

const layout = {
  numBlocks: 2,
  blockSize: 16,
  numKvHeads: 1,
  headSize: 1,
  valueHeadSize: 1,
  dtype: 'float32',
  kScale: 1,
  vScale: 1,
} as const;

/** Which of 8 keys position p of sequence b sees. */
function seen(
  b: number,
  p: number,
  plan: Partial<AttentionPlanOptions>,
  options: AttentionOptions,
) {
  const metadata = {
    queryStartLoc: Int32Array.of(0, 1, 2),
    seqLens: Int32Array.of(8, 8),
    blockTables: [[0], [1]],
    ...plan,
  };
  const { problem } = describePaged('op', zeros([2, 1, 1]), layout, planAttention(metadata), {
    causal: true,
    ...options,
  });
  const rules = maskRules(problem.params, problem.ints, b);
  return Array.from({ length: 8 }, (_, j) => (mayAttend(rules, p, j) ? j : -1)).filter(
    (j) => j >= 0,
  );
}

test('a range is seen whole from inside and by the band alone from outside', () => {
  const plan = { mmPrefixRanges: [[[2, 4], [6, 7]], []] } as const; // prettier-ignore
  expect(seen(0, 1, plan, {})).toEqual([0, 1]);
  expect(seen(0, 2, plan, {})).toEqual([0, 1, 2, 3, 4]);
  expect(seen(0, 5, plan, { slidingWindow: 2 })).toEqual([4, 5]);
  expect(seen(0, 4, plan, { slidingWindow: 2 })).toEqual([2, 3, 4]);
  expect(seen(0, 6, plan, { chunkSize: 7 })).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(seen(1, 2, plan, {})).toEqual([0, 1, 2]);
});

test('each sequence has its own prefix', () => {
  const plan = { rswaPrefixLens: Int32Array.of(2, 0) };
  expect(seen(0, 6, plan, { slidingWindow: 2 })).toEqual([0, 1, 5, 6]);
  expect(seen(1, 6, plan, { slidingWindow: 2 })).toEqual([5, 6]);
});

test('each sequence obeys the causal rule or not, with a window on both sides if not', () => {
  const plan = { causal: [true, false] };
  expect(seen(0, 3, plan, { slidingWindow: 2 })).toEqual([2, 3]);
  expect(seen(1, 3, plan, { slidingWindow: 2 })).toEqual([2, 3, 4]);
  expect(seen(0, 3, plan, { causal: false, slidingWindow: 2 })).toEqual([2, 3, 4]);
});

import { PagedAttention, pagedAttentionV1, pagedAttentionV2 } from '@tfjs-attention/core';
import { onPages } from '../ops/on_pages.js';
import { expectedPaged, type PagedCase } from '../paged_case.js';
import { randomFrom } from '../random.js';
import { implementationOf, type Spec } from '../subject.js';
import { assertExpected } from '../tolerance.js';
import { pairwise, titleOf } from './grid.js';

const TEST = 'test_attention';

const AXES = {
  heads: [[40, 40], [64, 8]],
  size: [32, 80, 128, 256],
  block: [16, 32],
  alibi: [false, true],
  dtype: ['float32', 'bfloat16', 'fp8_e4m3'],
} as const; // prettier-ignore

/** 7 requests of random length, the last the longest. */
function cases(what: string, longest: number, byHeads: number): PagedCase[] {
  return pairwise(AXES).map((point) => {
    const name = titleOf(TEST, what, AXES, point);
    const random = randomFrom(name);
    const seqLens = Array.from({ length: 7 }, (_, b) =>
      b === 6 ? longest : 1 + Math.floor(random() * longest),
    );
    return {
      name,
      queryLens: seqLens.map(() => 1),
      seqLens,
      heads: [point.heads[0] / byHeads, point.heads[1] / byHeads],
      size: [point.size, point.size],
      blockSize: point.block,
      dtype: point.dtype,
      features: point.alibi ? { alibi: true } : {},
      ...(byHeads === 1 && { judgedTokens: 1 }),
    };
  });
}

/** One pass, partitions, and whichever vLLM would take. */
function decodeSpec(c: PagedCase): Spec {
  return onPages(c, async ({ data, cache, twin, subject }) => {
    const { q, plan, made } = data;
    const expected = await expectedPaged(c, data, twin);
    const { alibiSlopes } = made.options;
    const options = { implementation: implementationOf(subject), ...(alibiSlopes && { alibiSlopes }) }; // prettier-ignore
    const chosen: typeof pagedAttentionV1 = (...args) => PagedAttention.forwardDecode(...args);
    for (const run of [pagedAttentionV1, pagedAttentionV2, chosen]) {
      const output = await run(q, cache, plan, options).data();
      assertExpected({ output }, expected, 2);
    }
  });
}

/** Sequences of several partitions with sinks, a window and a soft cap; some end in the first, some on an edge. */
const PARTITIONS: PagedCase = {
  name: 'pagedAttentionV2: 1 to 4 partitions with sinks, window 600 and soft cap 20',
  queryLens: [1, 1, 1, 1],
  seqLens: [1600, 3, 1024, 513],
  heads: [4, 2],
  size: [16, 16],
  blockSize: 16,
  features: { sinks: true, slidingWindow: 600, logitsSoftCap: 20 },
};

const partitions = onPages(PARTITIONS, async ({ data, cache, twin, subject }) => {
  const { sinks } = data.made.options;
  const output = pagedAttentionV2(data.q, cache, data.plan, {
    slidingWindow: 600,
    logitsSoftCap: 20,
    implementation: implementationOf(subject),
    sinks,
  });
  const expected = await expectedPaged(PARTITIONS, data, twin);
  assertExpected({ output: await output.data() }, expected, 2);
});

/** vLLM's `test_attention.py`; its prefills are the varlen cases. */
export function pagedAttentionGrid(full: boolean): Spec[] {
  const all = [...cases('lengths to 80, heads / 8', 80, 8), ...(full ? cases('lengths to 2048', 2048, 1) : [])]; // prettier-ignore
  return [...all.map(decodeSpec), partitions];
}

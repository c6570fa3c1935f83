import {
  chunkedPrefillPagedDecode,
  contextAttentionFwd,
  flashAttnVarlenFunc,
} from '@tfjs-attention/core';
import { describePaged } from '@tfjs-attention/core/reference';
import { onPages, type Pages } from '../ops/on_pages.js';
import { expectedPaged, prefixSums, type PagedCase } from '../paged_case.js';
import { pickRows } from '../judged_rows.js';
import { readState } from '../read_state.js';
import { implementationOf, type Spec } from '../subject.js';
import { assertExpected, expectedOf, type Expected } from '../tolerance.js';
import { pairwise, titleOf } from './grid.js';
import { batchOf, type Lengths } from './lengths.js';

const TEST = 'test_prefix_prefill';

const AXES = {
  queriesPerKv: [1, 64],
  size: [24, 128],
  window: [0, 5, 2048],
  dtype: ['float32', 'float16', 'fp8_e4m3', 'fp8_e5m2', 'int8_per_token_head'],
  extra: ['none', 'alibi', 'sinks'],
} as const;

/** New tokens and all tokens: contexts that end on, before and behind a block of 8, none at all, decodes between. */
const MIXED: Lengths = [[5, 13], [1, 9], [9, 9], [1, 1], [4, 28], [1, 16]]; // prettier-ignore

const cases: readonly PagedCase[] = pairwise(AXES).map((point) => ({
  name: titleOf(TEST, 'context_attention_fwd', AXES, point),
  ...batchOf(MIXED),
  heads: point.queriesPerKv === 1 ? [2, 2] : [64, 1],
  size: [point.size, point.size],
  blockSize: 8,
  dtype: point.dtype,
  features: {
    ...(point.window > 0 && { slidingWindow: point.window }),
    ...(point.extra !== 'none' && { [point.extra]: true }),
  },
}));

/** The step's own keys and values, `[T, K, H]`. */
async function freshRows(c: PagedCase, { k, v }: Pages['data']) {
  const first = prefixSums(c.seqLens);
  const rows = c.seqLens.flatMap((length, b) =>
    Array.from({ length: c.queryLens[b] }, (_, i) => first[b] + length - c.queryLens[b] + i),
  );
  return { k: await pickRows(k, rows), v: await pickRows(v, rows) };
}

/** The oracle over dequantised keys before the step and the step's own as they were; a decode's too where `stored`. */
async function expectedMixed(
  c: PagedCase,
  pages: Pages,
  storedDecodes: boolean,
): Promise<Expected> {
  const { data, twin } = pages;
  const { writePlan, plan, q, made } = data;
  const slots = writePlan.slotMapping as Int32Array;
  const stored = twin.storage.gather(slots).map((x) => x.dataSync());
  const given = [await data.k.data(), await data.v.data()];
  const { numKvHeads, headSize, valueHeadSize } = twin.layout;
  const first = prefixSums(c.seqLens);
  const reader = (half: 0 | 1, size: number) => (b: number, j: number, head: number, lane: number) => {
    const isOld = j < c.seqLens[b] - c.queryLens[b] || (storedDecodes && c.queryLens[b] === 1);
    return (isOld ? stored : given)[half][((first[b] + j) * numKvHeads + head) * size + lane];
  }; // prettier-ignore
  const { problem } = describePaged('conformance', q, twin.layout, plan, { causal: true, ...made.options }); // prettier-ignore
  return expectedOf(problem, {
    q: await q.data(),
    key: reader(0, headSize),
    value: reader(1, valueHeadSize),
    ...made.host,
  });
}

function contextSpec(c: PagedCase): Spec {
  return onPages(c, async (pages) => {
    const { data, cache, subject } = pages;
    const { k, v } = await freshRows(c, data);
    const options = { ...data.made.options, implementation: implementationOf(subject) };
    const output = contextAttentionFwd(data.q, k, v, cache, data.plan, options);
    assertExpected({ output: await output.data() }, await expectedMixed(c, pages, false), 2);
    const mixed = chunkedPrefillPagedDecode(data.q, k, v, cache, data.plan, options);
    assertExpected({ output: await mixed.data() }, await expectedMixed(c, pages, true), 2);
  });
}

/** With `skipDecode` rows of single tokens are 0 and all others as before. */
const SKIPPED: PagedCase = {
  name: 'contextAttentionFwd: skipDecode leaves the rows of single tokens 0',
  ...batchOf(MIXED),
  blockSize: 8,
};

const skipped = onPages(SKIPPED, async (pages) => {
  const { data, cache, subject } = pages;
  const { k, v } = await freshRows(SKIPPED, data);
  const options = { skipDecode: true, implementation: implementationOf(subject) };
  const output = contextAttentionFwd(data.q, k, v, cache, data.plan, options);
  const expected = await expectedMixed(SKIPPED, pages, false);
  const starts = prefixSums(SKIPPED.queryLens);
  SKIPPED.queryLens.forEach((length, b) => {
    if (length === 1) expected.output.fill(0, starts[b] * 4 * 8, starts[b + 1] * 4 * 8);
  });
  assertExpected({ output: await output.data() }, expected, 2);
});

const VARLEN_AXES = {
  lengths: ['cross', 'equal neighbours', 'self'],
  heads: [[4, 4], [6, 2]],
  window: [undefined, 3],
  softCap: [undefined, 5],
} as const; // prettier-ignore

const VARLEN: Record<(typeof VARLEN_AXES.lengths)[number], Lengths> = {
  cross: [[3, 9], [0, 4], [1, 1], [2, 17]],
  'equal neighbours': [[2, 5], [2, 5], [2, 5], [4, 4], [4, 4]],
  self: [[1, 1], [7, 7], [12, 12]],
}; // prettier-ignore

/** Packed keys without a cache are the keys of float32 pages. */
function varlenSpec(c: PagedCase): Spec {
  return onPages(c, async ({ data, cache, twin, subject }) => {
    const { q, k, v, made } = data;
    const state = flashAttnVarlenFunc(q, k, v, {
      causal: true,
      ...made.options,
      implementation: implementationOf(subject),
      cuSeqlensQ: prefixSums(c.queryLens),
      cuSeqlensK: prefixSums(c.seqLens),
      returnLse: true,
    });
    assertExpected(await readState(state), await expectedPaged(c, data, twin));
    cache.dispose();
  });
}

const varlenCases: readonly PagedCase[] = pairwise(VARLEN_AXES).map((point) => ({
  name: titleOf('test_flash_attn', 'varlen without a cache', VARLEN_AXES, point),
  ...batchOf(VARLEN[point.lengths]),
  heads: point.heads,
  size: [16, 8],
  blockSize: 4,
  features: {
    ...(point.window !== undefined && { slidingWindow: point.window }),
    ...(point.softCap !== undefined && { logitsSoftCap: point.softCap }),
  },
}));

/** vLLM's `test_prefix_prefill.py` for the ops that it tests, and packed sequences without a cache. */
export function contextPrefill(): Spec[] {
  return [...cases.map(contextSpec), skipped, ...varlenCases.map(varlenSpec)];
}

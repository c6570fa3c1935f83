import {
  decodeAttentionFwd,
  decodeAttentionFwdGrouped,
  decodeAttentionFwdNormal,
  decodeAttMFwd,
  decodeSoftmaxReducevFwd,
} from '@tfjs-attention/core';
import { onPages } from '../ops/on_pages.js';
import { expectedPaged, type PagedCase } from '../paged_case.js';
import { readState } from '../read_state.js';
import { implementationOf, type Spec } from '../subject.js';
import { assertExpected } from '../tolerance.js';
import { pairwise, titleOf } from './grid.js';
import { shrinkLength } from './lengths.js';

const TEST = 'test_triton_decode_attention';

const AXES = {
  sequences: [3, 5],
  length: [1027, 1025],
  heads: [[32, 32], [32, 8]],
  size: [[128, 128], [128, 512], [192, 128], [192, 512], [576, 128], [576, 512]],
  page: [1, 16],
  splits: [1, 4, 8],
} as const; // prettier-ignore

interface DecodeCase extends PagedCase {
  readonly splits: number;
}

function cases(what: string, by: number, byHeads: number): DecodeCase[] {
  return pairwise(AXES).map((point) => {
    const { sequences, heads, page, splits } = point;
    const length = shrinkLength(point.length, by);
    return {
      name: titleOf(TEST, what, AXES, point),
      queryLens: new Array<number>(sequences).fill(1),
      seqLens: new Array<number>(sequences).fill(length),
      heads: [heads[0] / byHeads, heads[1] / byHeads],
      size: point.size,
      blockSize: page,
      splits,
      ...(by === 1 && { judgedTokens: 1 }),
    };
  });
}

/** Whole, in parts, and in its two stages: all are the oracle's answer. */
function decodeSpec(c: DecodeCase): Spec {
  return onPages(c, async ({ data, cache, twin, subject }) => {
    const { q, plan } = data;
    const expected = await expectedPaged(c, data, twin);
    const options = { numKvSplits: c.splits, implementation: implementationOf(subject) };
    assertExpected(await readState(decodeAttentionFwd(q, cache, plan, options)), expected, 2);
    const logits = decodeAttMFwd(q, cache, plan, options);
    assertExpected(await readState(decodeSoftmaxReducevFwd(logits, c.splits)), expected, 2);
    const [heads, kvHeads] = c.heads ?? [0, 0];
    const grouped = heads === kvHeads ? decodeAttentionFwdNormal : decodeAttentionFwdGrouped;
    assertExpected(await readState(grouped(q, cache, plan, options)), expected, 2);
  });
}

/** Lengths on, before and behind the edges of blocks and parts, one shorter than parts are many. */
const RAGGED: PagedCase = {
  name: 'decodeAttentionFwd: ragged lengths, 7 parts, soft cap 5',
  queryLens: [1, 1, 1, 1, 1],
  seqLens: [1, 8, 57, 64, 29],
  blockSize: 8,
  features: { logitsSoftCap: 5 },
};

const ragged = onPages(RAGGED, async ({ data, cache, twin, subject }) => {
  const options = { numKvSplits: 7, logitCap: 5, implementation: implementationOf(subject) };
  const state = await readState(decodeAttentionFwd(data.q, cache, data.plan, options));
  assertExpected(state, await expectedPaged(RAGGED, data, twin), 2);
});

/** vLLM's `test_triton_decode_attention.py`, whose pages of 1 and 16 give the same, judged by the oracle. */
export function decodeAttention(full: boolean): Spec[] {
  const all = [...cases('lengths / 16, heads / 4', 16, 4), ...(full ? cases('original size', 1, 1) : [])]; // prettier-ignore
  return [...all.map(decodeSpec), ragged];
}

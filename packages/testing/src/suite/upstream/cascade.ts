import {
  mergeAttnStates,
  pagedAttention,
  planAttention,
  reshapeAndCache,
  type AttentionPlan,
} from '@tfjs-attention/core';
import { assertSame } from '../assert.js';
import { twinOf } from '../cache_bytes.js';
import { pickRows } from '../judged_rows.js';
import {
  expectedPaged,
  makeCache,
  makePaged,
  prefixSums,
  runPaged,
  type PagedCase,
  type PagedData,
} from '../paged_case.js';
import { inScope, writeTwin } from '../in_scope.js';
import { readState } from '../read_state.js';
import { implementationOf, type Spec } from '../subject.js';
import { assertExpected } from '../tolerance.js';
import { pairwise, titleOf } from './grid.js';
import { batchOf, shrink, type Lengths } from './lengths.js';
import { planPart } from './split.js';

const TEST = 'test_cascade_flash_attn';

/** Batches, how often they are repeated, and the length of the prefix that all sequences share. vLLM repeats 100 times. */
const BATCHES = {
  general: {
    lengths: [[129, 871], [18, 280], [37, 988], [1023, 2304], [1, 257]],
    prefix: 256,
    repeats: 1,
  },
  decode: { lengths: [[1, 1023], [1, 879], [1, 778], [1, 1777]], prefix: 512, repeats: 10 },
} as const satisfies Record<string, { lengths: Lengths; prefix: number; repeats: number }>; // prettier-ignore

const AXES = {
  batch: ['general', 'decode'],
  heads: [[4, 4], [8, 2], [16, 2]],
  size: [128, 192, 256],
  softCap: [undefined, 50],
  sinks: [false, true],
} as const; // prettier-ignore

interface CascadeCase extends PagedCase {
  /** Keys that all sequences share: whole blocks. */
  readonly prefix: number;
}

function cases(what: string, by: number): CascadeCase[] {
  return pairwise(AXES).map((point) => {
    const { lengths, prefix, repeats } = BATCHES[point.batch];
    const copies = by === 1 ? repeats : Math.min(repeats, 3);
    return {
      name: titleOf(TEST, what, AXES, point),
      ...batchOf(Array.from({ length: copies }, () => shrink(lengths, by)).flat()),
      prefix: prefix / by,
      heads: point.heads,
      size: [point.size, point.size],
      blockSize: by === 1 ? 16 : 4,
      features: {
        ...(point.softCap !== undefined && { logitsSoftCap: point.softCap }),
        ...(point.sinks && { sinks: true }),
      },
      ...(by === 1 && { judgedTokens: 2 }),
    };
  });
}

/** The decodes at the lengths that vLLM has, once, with few heads. */
const LONG: CascadeCase = {
  name: `upstream ${TEST}: decode at the original lengths, heads 2/1, size 64`,
  ...batchOf(BATCHES.decode.lengths),
  prefix: 512,
  heads: [2, 1],
  size: [64, 64],
  blockSize: 16,
};

/** Every sequence begins with the first one's keys, in blocks of its own. */
async function withSharedPrefix(
  data: PagedData,
  { seqLens, prefix }: CascadeCase,
): Promise<PagedData> {
  const first = prefixSums(seqLens);
  const rows = seqLens.flatMap((length, b) =>
    Array.from({ length }, (_, j) => (j < prefix ? j : first[b] + j)),
  );
  return { ...data, k: await pickRows(data.k, rows), v: await pickRows(data.v, rows) };
}

/** The same batch, where every sequence's prefix is the first one's blocks. */
function sharePrefixBlocks(plan: AttentionPlan, numCommon: number): AttentionPlan {
  const width = plan.maxBlocksPerSeq;
  const blockTables = plan.blockTables.slice();
  for (let b = 1; b < plan.numSeqs; b++) {
    blockTables.copyWithin(b * width, 0, numCommon);
  }
  const { queryStartLoc, seqLens } = plan;
  return planAttention({ queryStartLoc, seqLens, blockTables });
}

/** All tokens of the batch as one sequence over the shared keys, which every one of them sees whole. */
function planPrefix(plan: AttentionPlan, numCommon: number, prefix: number): AttentionPlan {
  return planAttention({
    queryStartLoc: Int32Array.of(0, plan.numTokens),
    seqLens: Int32Array.of(prefix),
    blockTables: [plan.blockTables.slice(0, numCommon)],
  });
}

/**
 * Attention to the shared prefix without causal order, causal attention to each suffix, merged by lse: equal to plain
 * paged attention. Sinks are a logit of the whole row: the last merge alone gets them.
 */
function cascadeSpec(c: CascadeCase): Spec {
  return {
    name: c.name,
    run: (subject) =>
      inScope(async () => {
        const data = await withSharedPrefix(makePaged(c), c);
        const cache = makeCache(c, data.numBlocks);
        const twin = twinOf(cache);
        const { k, v, q, plan, writePlan, made } = data;
        reshapeAndCache(k, v, cache, writePlan);
        await writeTwin(twin, k, v, writePlan.slotMapping as Int32Array);
        const expected = await expectedPaged(c, data, twin);
        const plain = await runPaged(data, cache, subject);
        assertExpected(plain, expected);

        const numCommon = c.prefix / c.blockSize;
        const shared = sharePrefixBlocks(plan, numCommon);
        const same = await runPaged({ ...data, plan: shared }, cache, subject);
        assertSame('output over shared blocks', same.output, plain.output);

        const { sinks, ...rest } = made.options;
        const options = {
          ...rest,
          implementation: implementationOf(subject),
          returnLse: true,
        } as const;
        const prefixPlan = planPrefix(shared, numCommon, c.prefix);
        const suffixPlan = planPart(shared, c.blockSize, c.prefix, plan.maxSeqLen);
        const prefix = pagedAttention(q, cache, prefixPlan, { ...options, causal: false });
        const suffix = pagedAttention(q, cache, suffixPlan, { ...options, causal: true });
        const merged = await readState(mergeAttnStates(prefix, suffix, { sinks }));
        cache.dispose();
        assertExpected(merged, expected, 2);
      }),
  };
}

/** vLLM's `test_cascade_flash_attn.py`, the cascade itself; its merges are in merge.ts. */
export function cascade(full: boolean): Spec[] {
  const all = [...cases('lengths / 64', 64), LONG, ...(full ? cases('original lengths', 1) : [])];
  return all.map(cascadeSpec);
}

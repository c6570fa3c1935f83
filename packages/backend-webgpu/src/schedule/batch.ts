import {
  countOf,
  keyRange,
  maskRules,
  wholeTiles,
  type AttentionInts,
  type AttentionProblem,
} from '@tfjs-attention/core/provider';
import { cutItems, type WorkList } from './items.js';
import type { TileShape } from './tile_shape.js';

/** A batch as kernels/webgpu/batch.wgsl reads it, and the dispatches that work it off. */
export interface Batch extends WorkList {
  readonly words: Int32Array<ArrayBuffer>;
  /** Where the parts of `words` begin. */
  readonly at: Readonly<
    Record<'groupsAt' | 'itemsAt' | 'mergesAt' | 'tablesAt' | 'rangesAt', number>
  >;
}

const SEQUENCE = 8;
const GROUP = 8;

export interface CutLimits {
  /** Workgroups that keep the device busy. */
  readonly workgroups: number;
  readonly leastTiles: number;
  /** Slots of states that scratch has room for. */
  readonly mostSlots: number;
  /** Whether a group that is not split may write the output itself. */
  readonly direct: boolean;
}

/** Cuts every sequence's rows (query token, head of the group) into groups, and their keys into items. */
export function packBatch(
  { params, ints, spec }: AttentionProblem,
  { rows, keys }: Pick<TileShape, 'rows' | 'keys'>,
  limits: CutLimits,
): Batch {
  const { numSeqs, maxQueryLen, numKvHeads } = params;
  const { queriesPerKv } = spec;
  const lengthOf = (b: number) =>
    ints.queryStartLoc ? ints.queryStartLoc[b + 1] - ints.queryStartLoc[b] : maxQueryLen;
  let numGroups = 0;
  for (let b = 0; b < numSeqs; b++) numGroups += Math.ceil((lengthOf(b) * queriesPerKv) / rows);

  const groupsAt = numSeqs * SEQUENCE;
  const head = new Int32Array(groupsAt + numGroups * GROUP);
  const keysOf = new Int32Array(numGroups);
  let group = 0;
  for (let b = 0; b < numSeqs; b++) {
    const rules = maskRules(params, ints, b);
    const start = ints.queryStartLoc?.[b] ?? 0;
    const length = lengthOf(b);
    const seqLen = ints.seqLens[b];
    const offset = ints.queryOffsets[b];
    const [rangesBegin, rangesEnd] = rangesOf(ints, b, numSeqs);
    head.set(
      [
        start,
        length,
        seqLen,
        offset,
        rules.causal ? 1 : 0,
        rules.prefixLen,
        rangesBegin,
        rangesEnd,
      ],
      b * SEQUENCE,
    );
    const total = length * queriesPerKv;
    for (let row = 0; row < total; row += rows) {
      const first = offset + Math.floor(row / queriesPerKv);
      const last = offset + Math.floor((Math.min(row + rows, total) - 1) / queriesPerKv);
      const range = wholeTiles(keyRange(rules, first, last, seqLen), keys);
      keysOf[group] = countOf(range);
      const { first: from, gap, resume, end } = range;
      head.set([b, row, from, gap, resume, end], groupsAt + group * GROUP);
      group++;
    }
  }

  const work = cutItems(keysOf, keys, numKvHeads, limits);
  for (const { group, slot, slots } of work.merged) {
    head[groupsAt + group * GROUP + 6] = slot;
    head[groupsAt + group * GROUP + 7] = slots;
  }
  const { blockTables, mmRanges } = ints;
  const ranges = mmRanges?.subarray(numSeqs + 1);
  const itemsAt = head.length;
  const mergesAt = itemsAt + work.items.length;
  const tablesAt = mergesAt + work.merged.length;
  const rangesAt = tablesAt + (blockTables?.length ?? 0);
  const words = new Int32Array(rangesAt + (ranges?.length ?? 0));
  words.set(head);
  words.set(work.items, itemsAt);
  work.merged.forEach(({ group }, i) => (words[mergesAt + i] = group));
  if (blockTables) words.set(blockTables, tablesAt);
  if (ranges) words.set(ranges, rangesAt);
  return { ...work, words, at: { groupsAt, itemsAt, mergesAt, tablesAt, rangesAt } };
}

/** Which pairs of the packed ranges are sequence b's. */
function rangesOf({ mmRanges }: AttentionInts, b: number, numSeqs: number): [number, number] {
  if (mmRanges === undefined) return [0, 0];
  const pair = (i: number) => (mmRanges[i] - numSeqs - 1) / 2;
  return [pair(b), pair(b + 1)];
}

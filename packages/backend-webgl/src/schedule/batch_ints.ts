import {
  countOf,
  keyRange,
  maskRules,
  wholeTiles,
  type AttentionInts,
  type AttentionProblem,
} from '@tfjs-attention/core/provider';
import { TILE_KEYS, type TileShape } from '../shaders/tile_shape.js';

/** A batch as kernels/webgl/batch.glsl reads it, and what the host needs to cut it into draws. */
export interface Batch {
  readonly words: Int32Array;
  /** First texels of groups, block tables, tokens and mask ranges. */
  readonly at: readonly [number, number, number, number];
  readonly numGroups: number;
  /** Packed token of each group's first row, then the number of tokens. */
  readonly tokenOf: Int32Array;
  /** Keys of the tiles that each group sees. */
  readonly keysOf: Int32Array;
  /** Tiles of a KV head to be packed, with some to spare, and the first texel of their sequences. */
  readonly packed: { readonly tiles: number; readonly at: number };
}

const SEQUENCE_TEXELS = 3;
const GROUP_TEXELS = 2;
/** Neighbouring fragments read neighbouring tiles: those of every head begin where memory's lines do. */
export const PACKED_STEP = 8;

/** Cuts every sequence's rows (query token, head of the group) into groups of `rows`. */
export function packBatch(
  { params, ints, spec }: AttentionProblem,
  { rows, tiled }: Pick<TileShape, 'rows' | 'tiled'>,
): Batch {
  const { numSeqs, maxQueryLen, maxBlocksPerSeq } = params;
  const { queriesPerKv } = spec;
  const lengthOf = (b: number) =>
    ints.queryStartLoc ? ints.queryStartLoc[b + 1] - ints.queryStartLoc[b] : maxQueryLen;
  const groupsOf = (b: number) => Math.ceil((lengthOf(b) * queriesPerKv) / rows);
  let numGroups = 0;
  for (let b = 0; b < numSeqs; b++) numGroups += groupsOf(b);

  const numTokens = ints.queryStartLoc?.[numSeqs] ?? 0;
  const { blockTables, mmRanges } = ints;
  const ranges = mmRanges?.subarray(numSeqs + 1);
  const groups = numSeqs * SEQUENCE_TEXELS;
  const tables = groups + numGroups * GROUP_TEXELS;
  const tokens = tables + texels(blockTables === undefined ? 0 : numSeqs * maxBlocksPerSeq);
  const rangesAt = tokens + texels(numTokens);
  const packedAt = rangesAt + texels(ranges?.length ?? 0);
  const words = new Int32Array(packedAt * 4);
  /** The sequence of each packed tile. */
  const packed: number[] = [];
  if (blockTables) words.set(blockTables, tables * 4);
  if (ranges) words.set(ranges, rangesAt * 4);

  const keysOf = new Int32Array(numGroups);
  const tokenOf = new Int32Array(numGroups + 1);
  let token = 0;
  let group = 0;
  for (let b = 0; b < numSeqs; b++) {
    const rules = maskRules(params, ints, b);
    const start = ints.queryStartLoc?.[b] ?? 0;
    const length = lengthOf(b);
    const seqLen = ints.seqLens[b];
    const offset = ints.queryOffsets[b];
    words.set(
      [start, length, seqLen, offset, group, rules.causal ? 1 : 0, rules.prefixLen, 0, ...rangesOf(ints, b, numSeqs), 0, 0],
      b * SEQUENCE_TEXELS * 4,
    ); // prettier-ignore
    if (numTokens > 0) words.fill(b, tokens * 4 + start, tokens * 4 + start + length);
    const total = length * queriesPerKv;
    let lowest = Infinity;
    let highest = 0;
    for (let row = 0; row < total; row += rows) {
      const first = offset + Math.floor(row / queriesPerKv);
      const last = offset + Math.floor((Math.min(row + rows, total) - 1) / queriesPerKv);
      const range = wholeTiles(keyRange(rules, first, last, seqLen), TILE_KEYS);
      keysOf[group] = countOf(range);
      if (keysOf[group] > 0) {
        lowest = Math.min(lowest, range.first / TILE_KEYS);
        highest = Math.max(highest, Math.ceil(range.end / TILE_KEYS));
      }
      tokenOf[group] = token + Math.floor(row / queriesPerKv);
      const to = (groups + group * GROUP_TEXELS) * 4;
      words[to] = b;
      words[to + 1] = row;
      words[to + 2] = range.first;
      words[to + 3] = range.gap;
      words[to + 4] = range.resume;
      words[to + 5] = range.end;
      group++;
    }
    token += length;
    if (tiled && lowest < highest) {
      words[b * SEQUENCE_TEXELS * 4 + 7] = packed.length - lowest;
      for (let tile = lowest; tile < highest; tile++) packed.push(b);
    }
  }
  while (packed.length % PACKED_STEP !== 0) packed.push(packed[packed.length - 1]);
  return {
    words: joined(words, packed),
    at: [groups, tables, tokens, rangesAt],
    numGroups,
    tokenOf: tokenOf.fill(token, numGroups),
    keysOf,
    packed: { tiles: packed.length, at: packedAt },
  };
}

/** Which pairs of the packed ranges are sequence b's. */
function rangesOf({ mmRanges }: AttentionInts, b: number, numSeqs: number): [number, number] {
  if (mmRanges === undefined) return [0, 0];
  const pair = (i: number) => (mmRanges[i] - numSeqs - 1) / 2;
  return [pair(b), pair(b + 1)];
}

/** Whole texels of both. */
function joined(words: Int32Array, tail: readonly number[]): Int32Array {
  const all = new Int32Array(words.length + texels(tail.length) * 4);
  all.set(words);
  all.set(tail, words.length);
  return all;
}

const texels = (count: number) => Math.ceil(count / 4);

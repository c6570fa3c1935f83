import { pagedSpec, type PagedCase } from '../paged_case.js';
import type { ScoreFeatures } from '../score_features.js';
import type { Spec } from '../subject.js';
import { pairwise, titleOf } from './grid.js';
import { batchOf, shrink, shrinkLength, type Lengths } from './lengths.js';
import { splitSpec } from './split.js';

const TEST = 'test_cpu_attn';

const BATCHES = {
  decode: [[1, 213], [1, 1], [1, 312], [1, 7], [1, 7812]],
  prefill: [[2345, 2345], [5, 5], [3, 16], [134, 5131]],
  mixed: [[992, 2456], [1, 1234], [98, 1145], [1, 4162], [2345, 2345]],
} as const satisfies Record<string, Lengths>; // prettier-ignore

const ENCODER_LENGTHS = [1, 678, 2367, 145, 4162, 36, 7812];

const SCORES = {
  plain: {},
  'soft cap': { logitsSoftCap: 50 },
  ALiBi: { alibi: true },
  sinks: { sinks: true },
} as const satisfies Record<string, ScoreFeatures>;

const HEADS = [[4, 4], [8, 2], [9, 3]] as const; // prettier-ignore
const BATCH_NAMES = ['decode', 'prefill', 'mixed'] as const;
const SCORE_NAMES = ['plain', 'soft cap', 'ALiBi', 'sinks'] as const;

const AXES = {
  batch: BATCH_NAMES,
  heads: HEADS,
  size: [96, 128, 512, 80, 112],
  window: [undefined, 256],
  dtype: ['float32', 'float16', 'bfloat16', 'fp8_e4m3', 'fp8_e5m2'],
  block: [96, 128, 48],
  score: SCORE_NAMES,
} as const;

const SPLIT_AXES = {
  batch: BATCH_NAMES,
  score: SCORE_NAMES,
  window: [undefined, 256],
  heads: HEADS,
} as const;

const ENCODER_AXES = {
  heads: HEADS,
  size: [96, 128, 512],
  window: [undefined, 256],
  dtype: ['float32', 'float16', 'bfloat16'],
} as const;

const windowOf = (window: number | undefined, by: number): ScoreFeatures =>
  window === undefined ? {} : { slidingWindow: shrinkLength(window, by) };

/** How much shorter than vLLM's the lengths are: more for wide heads, and not at all for the full suite. */
function divisorOf(full: boolean, size: number, by: number): number {
  if (full) return 1;
  return size === 512 ? 2 * by : by;
}

/** The grid with every length but the shortest divided; blocks shrink less, or hardly a key would be in one. */
function pagedCases(full: boolean): PagedCase[] {
  return pairwise(AXES).map((point) => {
    const by = divisorOf(full, point.size, 96);
    return {
      name: titleOf(TEST, `lengths / ${by}`, AXES, point),
      ...batchOf(shrink(BATCHES[point.batch], by, 16)),
      heads: point.heads,
      size: [point.size, point.size],
      dtype: point.dtype,
      blockSize: full ? point.block : point.block / 8,
      features: { ...SCORES[point.score], ...windowOf(point.window, by) },
      ...(full && { judgedTokens: 4 }),
    };
  });
}

/** Bidirectional, ragged: every token of a sequence sees all of it (or W - 1 to either side). */
function encoderCases(full: boolean): PagedCase[] {
  return pairwise(ENCODER_AXES).map((point) => {
    const by = divisorOf(full, point.size, 256);
    const lengths = ENCODER_LENGTHS.map((length) => shrinkLength(length, by));
    return {
      name: titleOf(TEST, `encoder, lengths / ${by}`, ENCODER_AXES, point),
      queryLens: lengths,
      seqLens: lengths,
      heads: point.heads,
      size: [point.size, point.size],
      dtype: point.dtype,
      blockSize: full ? 128 : 8,
      features: { causal: false, ...windowOf(point.window, full ? 1 : 64) },
      ...(full && { judgedTokens: 2 }),
    };
  });
}

function splitCases(by: number): PagedCase[] {
  return pairwise(SPLIT_AXES).map((point) => ({
    name: titleOf(TEST, `split and no-split agree, lengths / ${by}`, SPLIT_AXES, point),
    ...batchOf(shrink(BATCHES[point.batch], by, 16)),
    heads: point.heads,
    size: [48, 48],
    blockSize: 16,
    features: { ...SCORES[point.score], ...windowOf(point.window, by) },
  }));
}

/** A decode over 7812 keys as vLLM has it, with few heads. */
function longCases(): PagedCase[] {
  return (['float32', 'fp8_e4m3'] as const).map((dtype) => ({
    name: `upstream ${TEST}: decode at the original lengths, heads 2/1, size 96, dtype ${dtype}`,
    ...batchOf(BATCHES.decode),
    heads: [2, 1],
    size: [96, 96],
    dtype,
    blockSize: 128,
  }));
}

/** vLLM's `test_cpu_attn.py`: paged decode, prefill and mixed batches, and encoders. */
export function cpuAttn(full: boolean): Spec[] {
  const here = [...pagedCases(false), ...encoderCases(false), ...longCases()];
  const original = full ? [...pagedCases(true), ...encoderCases(true)] : [];
  return [...[...here, ...original].map(pagedSpec), ...splitCases(96).map(splitSpec)];
}

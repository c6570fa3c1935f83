import * as tf from '@tensorflow/tfjs-core';
import { mergeAttnStates, type AttentionResult } from '@tfjs-attention/core';
import { assertSame } from '../assert.js';
import { normals, randomFrom, type Random } from '../random.js';
import { inScope } from '../in_scope.js';
import { readState } from '../read_state.js';
import type { Spec } from '../subject.js';
import { assertExpected, toleranceOf, type Expected } from '../tolerance.js';
import { pairwise, titleOf } from './grid.js';
import { shrinkLength } from './lengths.js';

const TEST = 'test_merge_attn_states';

const AXES = {
  tokens: [256, 512, 613, 1024, 1536, 4096],
  heads: [4, 8, 16, 32, 48, 64],
  size: [32, 48, 64, 96, 128, 256],
} as const;

const CASCADE_AXES = { tokens: [1, 39, 16912], heads: [4, 8, 16], size: [128, 192, 256] } as const;

/** Share of rows in which one of the states has seen no key. */
const EMPTY = 0.1;

interface MergeCase {
  readonly name: string;
  readonly tokens: number;
  readonly heads: number;
  readonly size: number;
  /** Rows whose states may both be empty, too. */
  readonly bothEmpty: boolean;
}

interface State {
  readonly output: Float32Array;
  readonly lse: Float32Array;
}

type Round = (x: number) => number;

/**
 * Normal outputs and lse; an empty row's lse is +Infinity (vLLM: some kernels report it so) or -Infinity, and its
 * output, which must not count, NaN.
 */
function makeState(random: Random, { tokens, heads, size }: MergeCase, isEmpty: boolean[]): State {
  const output = normals(random, tokens * heads * size);
  const lse = normals(random, tokens * heads);
  isEmpty.forEach((empty, row) => {
    if (!empty) return;
    lse[row] = random() < 0.5 ? Infinity : -Infinity;
    output.fill(NaN, row * size, (row + 1) * size);
  });
  return { output, lse };
}

function makeStates(c: MergeCase): [State, State] {
  const random = randomFrom(c.name);
  const draw = () => Array.from({ length: c.tokens * c.heads }, () => random() < EMPTY);
  const [a, b] = [draw(), draw()];
  const kept = c.bothEmpty ? b : b.map((empty, row) => empty && !a[row]);
  return [makeState(random, c, a), makeState(random, c, kept)];
}

/** Weights e^(lse - max), plainly (Ye et al., FlashInfer, 2025, section 2.2). */
function reference([a, b]: [State, State], size: number, round: Round) {
  const output = new Float64Array(a.output.length);
  const lse = Float64Array.from(a.lse, (_, row) => {
    const [la, lb] = [a.lse[row], b.lse[row]].map((x) => (x === Infinity ? -Infinity : x));
    const most = Math.max(la, lb);
    if (most === -Infinity) return -Infinity;
    const [wa, wb] = [la, lb].map((x) => round(Math.exp(round(x - most))));
    const sum = round(wa + wb);
    const share = (weight: number, value: number) =>
      weight === 0 ? 0 : round(round(weight / sum) * value);
    for (let at = row * size; at < (row + 1) * size; at++) {
      output[at] = round(share(wa, a.output[at]) + share(wb, b.output[at]));
    }
    return round(most + round(Math.log(sum)));
  });
  return { output, lse };
}

function expectedOf(states: [State, State], size: number): Expected {
  const exact = reference(states, size, (x) => x);
  const plain = reference(states, size, Math.fround);
  return {
    ...exact,
    outputTolerance: toleranceOf(exact.output, plain.output),
    lseTolerance: toleranceOf(exact.lse, plain.lse),
  };
}

function upload({ tokens, heads, size }: MergeCase, { output, lse }: State): AttentionResult {
  return {
    output: tf.tensor3d(output, [tokens, heads, size]),
    lse: tf.tensor2d(lse, [tokens, heads]),
  };
}

function mergeSpec(c: MergeCase): Spec {
  return {
    name: c.name,
    run: () =>
      inScope(async () => {
        const states = makeStates(c);
        const merged = mergeAttnStates(upload(c, states[0]), upload(c, states[1]));
        assertExpected(await readState(merged), expectedOf(states, c.size));
      }),
  };
}

/** vLLM's `prefill_tokens_with_context`: rows past them have no prefix, and are the suffix's to the bit. */
const withContext: Spec = {
  name: `upstream ${TEST}: rows past the tokens with context are the suffix's`,
  run: () =>
    inScope(async () => {
      const c = { name: 'context', tokens: 61, heads: 8, size: 48, bothEmpty: false };
      const random = randomFrom(c.name);
      const rows = c.tokens * c.heads;
      const past = 16 * c.heads;
      const none = Array.from({ length: rows }, (_, row) => row >= past);
      const prefix = makeState(random, c, none);
      const suffix = makeState(random, c, none.map(() => false)); // prettier-ignore
      const merged = await readState(mergeAttnStates(upload(c, prefix), upload(c, suffix)));
      const tail = (x: ArrayLike<number>, from: number) => Array.from(x).slice(from);
      assertSame('lse', tail(merged.lse, past), tail(suffix.lse, past));
      const at = past * c.size;
      assertSame('output', tail(merged.output, at), tail(suffix.output, at));
    }),
};

function cases(what: string, byTokens: number, byHeads: number): MergeCase[] {
  return pairwise(AXES).map((point, n) => ({
    name: titleOf(TEST, what, AXES, point),
    tokens: shrinkLength(point.tokens, byTokens),
    heads: shrinkLength(point.heads, byHeads),
    size: point.size,
    bothEmpty: n % 2 === 1,
  }));
}

function cascadeCases(what: string, by: number): MergeCase[] {
  return pairwise(CASCADE_AXES).map((point) => ({
    name: titleOf('test_cascade_flash_attn', what, CASCADE_AXES, point),
    tokens: shrinkLength(point.tokens, by, 39),
    heads: point.heads,
    size: point.size,
    bothEmpty: false,
  }));
}

/** vLLM's `test_merge_attn_states.py`, and the merges of `test_cascade_flash_attn.py`. */
export function merge(full: boolean): Spec[] {
  const all = [
    ...cases('tokens / 32, heads / 4', 32, 4),
    ...cascadeCases('merge, tokens / 256', 256),
    ...(full ? [...cases('original size', 1, 1), ...cascadeCases('merge, original size', 1)] : []),
  ];
  return [...all.map(mergeSpec), withContext];
}

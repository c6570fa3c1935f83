import { concat, reshape, slice, type Tensor } from '@tensorflow/tfjs-core';
import { flashAttention } from '../ops/flash_attention.js';
import { check, checkInt32Array } from '../problem/checks.js';
import type { AttentionOptions } from '../problem/options.js';

/** Checks `[n + 1]` prefix sums of segment lengths over `numTokens` tokens. */
export function checkCuSeqlens(op: string, cuSeqlens: unknown, numTokens?: number): Int32Array {
  checkInt32Array(cuSeqlens, op, 'cuSeqlens', undefined, '[n + 1]');
  check(
    cuSeqlens.length >= 2 && cuSeqlens[0] === 0,
    op,
    'cuSeqlens must begin with 0 and hold a segment',
  );
  cuSeqlens.forEach((end, i) =>
    check(
      i === 0 || end >= cuSeqlens[i - 1],
      op,
      `cuSeqlens must not fall: entry ${i} is ${end} after ${cuSeqlens[i - 1]}`,
    ),
  );
  const last = cuSeqlens[cuSeqlens.length - 1];
  check(last > 0, op, 'cuSeqlens must end with the number of tokens, got 0');
  check(
    numTokens === undefined || last === numTokens,
    op,
    `cuSeqlens ends with ${last}, there are ${numTokens} tokens`,
  );
  return cuSeqlens;
}

/**
 * Attention within segments of packed tokens: q `[T, N, H]`, k `[T, K, H]`, v `[T, K, Hv]`; returns `[T, N, Hv]`. Segments of
 * one length that follow each other are one batch.
 */
export function segmentAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  cuSeqlens: Int32Array,
  options: AttentionOptions & { returnLse?: false },
): Tensor {
  const parts = runsOf(cuSeqlens).map(({ start, count, length }) => {
    const batch = (x: Tensor) => {
      const rows = slice(x, [start], [count * length]);
      return reshape(rows, [count, length, ...x.shape.slice(1)]);
    };
    const out = flashAttention(batch(q), batch(k), batch(v), options);
    return reshape(out, [count * length, ...out.shape.slice(2)]);
  });
  return parts.length === 1 ? parts[0] : concat(parts, 0);
}

/** Segments of one length that follow each other; empty ones left out. */
function runsOf(cuSeqlens: Int32Array): { start: number; count: number; length: number }[] {
  const runs: { start: number; count: number; length: number }[] = [];
  for (let i = 0; i + 1 < cuSeqlens.length; i++) {
    const length = cuSeqlens[i + 1] - cuSeqlens[i];
    const last = runs[runs.length - 1];
    if (length === 0) continue;
    if (last?.length === length) last.count++;
    else runs.push({ start: cuSeqlens[i], count: 1, length });
  }
  return runs;
}

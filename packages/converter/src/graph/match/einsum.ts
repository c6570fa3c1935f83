import type { Refusal } from './context.js';
import { refuse } from './context.js';

/** Axes of one operand for each canonical axis `[..., tokens, size]`, -1 for an axis that it lacks. */
export type Axes = number[];

/** Operand 0 or 1 as queries, the other as keys. */
export interface ScoreAxes {
  query: { operand: 0 | 1; axes: Axes };
  key: { operand: 0 | 1; axes: Axes };
}

export interface OutputAxes {
  value: Axes;
  /** Canonical axis for each axis of the result. */
  out: Axes;
}

interface Equation {
  sides: [string, string];
  out: string;
}

/** `bqhd,bkhd->bhqk` with single letters, each once an operand. */
export function parseEquation(text: string | undefined): Equation | Refusal {
  const [left, out, ...more] = (text ?? '').replace(/\s/g, '').split('->');
  const sides = (left ?? '').split(',');
  const plain = [...sides, out ?? ''].every(
    (letters) => /^[A-Za-z]+$/.test(letters) && new Set(letters).size === letters.length,
  );
  if (!plain || more.length > 0 || sides.length !== 2) {
    return refuse(`einsum '${text ?? ''}' is no product of two operands`);
  }
  return { sides: [sides[0], sides[1]], out };
}

/** Reads the product of queries and keys: the result ends in (tokens, keys). */
export function scoreAxes({ sides, out }: Equation): ScoreAxes | Refusal {
  const text = `einsum '${sides.join(',')}->${out}'`;
  const [tokens, keys] = [out.at(-2), out.at(-1)];
  const batch = out.slice(0, -2);
  if (tokens === undefined || keys === undefined) return refuse(`${text} has no scores`);
  const keySide = sides[0].includes(keys) ? 0 : 1;
  const [query, key] = [sides[1 - keySide], sides[keySide]];
  const shared = [...query].filter((letter) => key.includes(letter) && !out.includes(letter));
  if (shared.length !== 1)
    return refuse(`${text} sums over ${shared.length} axes, attention over one`);
  const [size] = shared;
  const isQuery = query === letters(query, batch, tokens, size);
  const isKey = key === letters(key, batch, keys, size);
  const ordered = isQuery && isKey && key.includes(keys) && query.includes(tokens);
  const complete = [...batch].every((letter) => query.includes(letter));
  if (!ordered || !complete) {
    return refuse(`${text} does not end in (query, key) over equal batch axes`);
  }
  const find = (side: string, last: string) => [...batch, last, size].map((x) => side.indexOf(x));
  return {
    query: { operand: (1 - keySide) as 0 | 1, axes: find(query, tokens) },
    key: { operand: keySide, axes: find(key, keys) },
  };
}

/** Reads the product of weights and values; `weights` says which operand the weights are. */
export function outputAxes({ sides, out }: Equation, weights: 0 | 1): OutputAxes | Refusal {
  const text = `einsum '${sides.join(',')}->${out}'`;
  const [scores, value] = [sides[weights], sides[1 - weights]];
  const [tokens, keys] = [scores.at(-2) ?? '', scores.at(-1) ?? ''];
  const batch = scores.slice(0, -2);
  const own = [...value].filter((letter) => !scores.includes(letter));
  const [size] = own;
  const canonical = [...batch, tokens, size ?? ''];
  const fits =
    own.length === 1 &&
    !out.includes(keys) &&
    value.includes(keys) &&
    !value.includes(tokens) &&
    [...out].sort().join('') === [...canonical].sort().join('');
  if (!fits) return refuse(`${text} is no product of weights [..., query, key] and values`);
  return {
    value: [...batch, keys, size].map((letter) => value.indexOf(letter)),
    out: [...out].map((letter) => canonical.indexOf(letter)),
  };
}

/** The letters of a side that a product of attention may hold, in the side's own order. */
function letters(side: string, batch: string, own: string, size: string): string {
  return [...side].filter((letter) => (batch + own + size).includes(letter)).join('');
}

import type { ConstantValue } from '../topology/weights.js';

/** Query i sees keys `i + offset - left` to `i + offset`; without `left`, all keys up to that one. */
export interface Band {
  offset: number;
  left?: number;
  rows: number;
  columns: number;
}

/**
 * The band of a constant mask `[..., rows, columns]` whose leading axes have length 1: the causal rule, with or without an
 * offset and a sliding window. `undefined` where rows differ from one, see nothing or are a single one.
 */
export function readBand(
  { shape, values }: ConstantValue,
  isVisible: (value: number) => boolean,
): Band | undefined {
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
  if (rows < 2 || columns < 2 || values.length !== rows * columns) return undefined;
  const spans = Array.from({ length: rows }, (_, row) =>
    visibleSpan(values, row * columns, columns, isVisible),
  );
  if (spans.some((span) => span === undefined)) return undefined;
  const known = spans as [number, number][];
  const cutRight = known.findIndex(([, last]) => last < columns - 1);
  if (cutRight < 0) return undefined;
  const offset = known[cutRight][1] - cutRight;
  const cutLeft = known.findIndex(([first]) => first > 0);
  const left = cutLeft < 0 ? undefined : cutLeft + offset - known[cutLeft][0];
  const fits = known.every(
    ([first, last], row) =>
      last === Math.min(columns - 1, row + offset) &&
      first === (left === undefined ? 0 : Math.max(0, row + offset - left)),
  );
  return fits ? { offset, rows, columns, ...(left === undefined ? {} : { left }) } : undefined;
}

/** First and last visible key of a row that has no gap. */
function visibleSpan(
  values: ArrayLike<number>,
  start: number,
  columns: number,
  isVisible: (value: number) => boolean,
): [number, number] | undefined {
  let first = 0;
  while (first < columns && !isVisible(values[start + first])) first++;
  if (first === columns) return undefined;
  let last = first;
  while (last + 1 < columns && isVisible(values[start + last + 1])) last++;
  for (let key = last + 1; key < columns; key++) {
    if (isVisible(values[start + key])) return undefined;
  }
  return [first, last];
}

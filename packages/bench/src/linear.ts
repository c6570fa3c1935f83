import { kernelName, type Row } from './rows.js';
import { fittedExponent } from './statistics.js';

/** How the time of one kernel grows with the number of keys. */
export interface Growth {
  readonly label: string;
  readonly points: readonly { x: number; y: number }[];
  /** ms ~ S^exponent; 1 = linear. */
  readonly exponent: number;
}

/** Shorter sequences measure the cost of a call, not of its keys. */
const SHORTEST = 1024;

/** Growth of every decode and window kernel that was timed at three lengths or more. */
export function growthOf(rows: readonly Row[]): Growth[] {
  const series = new Map<string, { x: number; y: number }[]>();
  for (const row of rows) {
    const { shape, dtype, ms } = row;
    const decode = 'gbps' in row;
    if (!decode && shape.slidingWindow === undefined) continue;
    if (shape.seqLen < SHORTEST) continue;
    const what = decode ? 'decode' : `window ${shape.slidingWindow}`;
    const heads = `${shape.numHeads}/${shape.numKvHeads}x${shape.headSize}`;
    const label = `${what} ${heads} ${dtype} ${kernelName(row)}`;
    series.set(label, [...(series.get(label) ?? []), { x: shape.seqLen, y: ms }]);
  }
  return [...series]
    .filter(([, points]) => points.length >= 3)
    .map(([label, points]) => ({ label, points, exponent: fittedExponent(points) }));
}

import { featurePairs } from '../feature_pairs.js';
import type { BackwardCase } from './backward_case.js';

const LAYOUTS = ['bsnh', 'bnsh'] as const;

/** Head sizes [H, Hv] around vectors and panels. */
const SIZES = [
  [1, 1], [3, 3], [12, 12], [33, 33], [64, 64], [80, 80], [128, 128], [64, 32], [33, 80], [16, 66],
] as const; // prettier-ignore

/** [queries, keys] around tile edges. */
const LENGTHS = [
  [1, 1], [1, 200], [5, 1], [17, 97], [48, 96], [49, 193], [130, 130], [16, 300], [200, 60],
] as const; // prettier-ignore

const HEADS = [[4, 2], [5, 1], [16, 1], [9, 3]] as const; // prettier-ignore

/** Shapes that any implementation is judged on. */
export function shapeCases(): BackwardCase[] {
  return LAYOUTS.flatMap((layout): BackwardCase[] => [
    ...SIZES.map((size) => ({
      name: `${layout}, head sizes ${size.join(' and ')}`,
      layout,
      queryLen: 19,
      keys: 23,
      size,
      features: { causal: true },
    })),
    ...LENGTHS.flatMap(([queryLen, keys]) =>
      [false, true].map((causal) => ({
        name: `${layout}, ${queryLen} queries, ${keys} keys${causal ? ', causal' : ''}`,
        layout,
        queryLen,
        keys,
        features: { causal },
      })),
    ),
    ...HEADS.map((heads) => ({
      name: `${layout}, ${heads.join(' over ')} heads`,
      layout,
      batch: 2,
      queryLen: 26,
      keys: 21,
      heads,
    })),
  ]);
}

/** Every feature alone and every two, each of them also with dropout. */
export function pairCases(): BackwardCase[] {
  return featurePairs().flatMap(({ name, features }) =>
    [undefined, 0.3].map((dropoutRate, i) => ({
      name: `${name}${i === 1 ? ', dropout' : ''}`,
      batch: 2,
      queryLen: 24 - 7 * i,
      keys: 70,
      heads: [4, 2] as const,
      size: [12, 8] as const,
      kvLens: [70, 23],
      features,
      dropoutRate,
    })),
  );
}

const BROADCASTS = ['BNTS', 'B1TS', 'BN1S', '1NTS', 'NTS', 'TS', '1S', 'S', 'NT1', 'T1', '1'];

export function broadcastCases(): BackwardCase[] {
  return BROADCASTS.map((bias) => ({
    name: `bias ${bias}`,
    layout: 'bnsh',
    batch: 2,
    queryLen: 13,
    keys: 18,
    heads: [4, 2],
    features: { bias, mask: '1TS' },
  }));
}

/** Rows that see nothing, queries before and behind the keys, weights near 0 and 1. */
export function edgeCases(): BackwardCase[] {
  const base = { batch: 3, queryLen: 20, keys: 20, heads: [2, 1] as const, kvLens: [20, 3, 0] };
  return [
    { ...base, name: 'no key for some', features: { causal: true, sinks: true } },
    { ...base, name: 'queries before the keys', queryOffset: -9, features: { causal: true } },
    { ...base, name: 'queries behind the keys', queryOffset: 40, features: { slidingWindow: 30 } },
    { ...base, name: 'offsets apart', queryOffset: [3, -1, 19], features: { windowRight: 1 } },
    { ...base, name: 'one key takes all', features: { softmaxScale: 30, causal: true } },
    { ...base, name: 'most weights dropped', dropoutRate: 0.9, features: { causal: true } },
  ];
}

/** NaN and Infinity in K and V stay with the rows that see them: here none does. */
export function poisonCases(): BackwardCase[] {
  return [
    {
      name: 'NaN past kvLens',
      batch: 2,
      queryLen: 20,
      keys: 120,
      kvLens: [100, 3],
      poison: [100, 101, 119],
    },
    {
      name: 'NaN at keys that causal queries do not reach',
      queryLen: 20,
      keys: 40,
      queryOffset: 3,
      poison: [23, 24, 39],
      features: { causal: true },
    },
    {
      name: 'NaN before every window',
      queryLen: 20,
      keys: 120,
      poison: [0, 1, 95, 96],
      features: { causal: true, slidingWindow: 4 },
    },
  ];
}

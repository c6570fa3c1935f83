import type { DenseCase } from './dense_case.js';
import { featurePairs } from './feature_pairs.js';
import type { ScoreFeatures } from './score_features.js';

const LAYOUTS = ['bsnh', 'bnsh'] as const;

/** Head sizes [H, Hv]: one lane, below and above vector widths, odd ones, MLA's. */
const SIZES = [
  [1, 1], [3, 3], [8, 8], [33, 33], [64, 64], [80, 80], [128, 128], [576, 512],
  [64, 32], [33, 80], [1, 3], [8, 1], [12, 20], [16, 66],
] as const; // prettier-ignore

/** [queries, keys] around tile edges. */
const LENGTHS = [
  [1, 1], [1, 63], [1, 64], [1, 65], [1, 200], [1, 1030], [2, 64], [3, 65], [5, 1], [7, 127],
  [8, 8], [63, 63], [64, 64], [65, 65], [33, 129], [129, 127], [16, 300], [4, 513],
] as const; // prettier-ignore

const HEADS = [
  [1, 1], [4, 2], [4, 1], [6, 2], [5, 1], [8, 4], [16, 1], [9, 3], [32, 2], [40, 1],
] as const; // prettier-ignore

function shapeCases(): DenseCase[] {
  return LAYOUTS.flatMap((layout): DenseCase[] => [
    ...SIZES.map((size) => ({
      name: `${layout}, head sizes ${size.join(' and ')}`,
      layout,
      queryLen: 5,
      keys: 19,
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
    ...HEADS.flatMap((heads) =>
      [1, 6].map((queryLen) => ({
        name: `${layout}, ${heads.join(' over ')} heads, ${queryLen} queries`,
        layout,
        batch: 2,
        queryLen,
        keys: 21,
        heads,
      })),
    ),
  ]);
}

function pairCases(full: boolean): DenseCase[] {
  const layouts = full ? LAYOUTS : LAYOUTS.slice(0, 1);
  return layouts.flatMap((layout) =>
    [1, 5, 24].flatMap((queryLen) =>
      featurePairs().map(({ name, features }) => ({
        name: `${layout}, ${queryLen} queries, ${name}`,
        layout,
        batch: 2,
        queryLen,
        keys: 70,
        heads: [4, 2] as const,
        size: [12, 8] as const,
        kvLens: [70, 23],
        features,
      })),
    ),
  );
}

const BROADCASTS = [
  'BNTS', 'B1TS', 'BN1S', '1NTS', 'B11S', '111S', 'NTS', 'N1S', 'TS', '1S', 'S', 'NT1', 'T1', '1',
]; // prettier-ignore

function broadcastCases(): DenseCase[] {
  return BROADCASTS.flatMap((axes) => {
    const kinds: ScoreFeatures[] = [{ bias: axes }, { mask: axes }, { mask: axes, bias: 'BNTS' }];
    return kinds.map((features) => ({
      name: `broadcast ${JSON.stringify(features)}`,
      batch: 2,
      queryLen: 3,
      keys: 18,
      heads: [4, 2] as const,
      features,
    }));
  });
}

/** Where the queries lie: before, inside, behind and far from the keys; lengths down to none. */
function positionCases(): DenseCase[] {
  const base = { batch: 3, queryLen: 4, keys: 20, heads: [2, 1] as const };
  const bands: ScoreFeatures[] = [
    { causal: true },
    { slidingWindow: 3 },
    { causal: true, slidingWindow: 5, sinks: true },
    { windowLeft: 2, windowRight: 4 },
    { windowLeft: 0 },
    { windowRight: 0 },
    { chunkSize: 5 },
    { causal: true, chunkSize: 4, chunkLookback: 2 },
    { causal: true, windowLeft: 1, rswaPrefixLen: 7 },
    { causal: true, windowLeft: 1, rswaPrefixLens: [7, 0, 2] },
    { causal: true, mmPrefixRanges: [[[1, 3], [6, 25]], [[0, 0]], [[2, 9]]] }, // prettier-ignore
    { slidingWindow: 3, mmPrefixRanges: [[[2, 17]], [[0, 1], [2, 2]], []] }, // prettier-ignore
    { chunkSize: 5, mmPrefixRanges: [[[3, 18]], [[0, 2]], [[0, 40]]] },
    { slidingWindow: 2, mmPrefixRanges: [[[15, 17], [18, 22]], [[0, 2]], []] }, // prettier-ignore
    { windowRight: 1, mmPrefixRanges: [[[0, 3], [5, 8]], [[0, 1]], [[0, 3]]] }, // prettier-ignore
    { causal: true, windowLeft: 1, rswaPrefixLen: 4, mmPrefixRanges: [[[8, 18]], [[1, 9]], []] },
    { alibi: true, causal: true },
    { qqBias: 3, causal: true },
    { qqBias: 9 },
  ];
  const offsets = [undefined, 0, 5, -2, -30, 40, [3, -1, 19]];
  return bands.flatMap((features) =>
    offsets.map((queryOffset) => ({
      ...base,
      name: `offset ${JSON.stringify(queryOffset) ?? 'default'}, ${JSON.stringify(features)}`,
      kvLens: [20, 3, 0],
      queryOffset,
      features,
    })),
  );
}

/** Numbers at the ends of int32, on which additions would overflow. */
function extremeCases(): DenseCase[] {
  const most = 2 ** 31 - 1;
  const bands: ScoreFeatures[] = [
    { causal: true },
    { windowLeft: most, windowRight: most },
    { causal: true, slidingWindow: most },
    { chunkSize: most, chunkLookback: most },
    { chunkSize: 3, chunkLookback: most },
    { windowLeft: 3, rswaPrefixLen: most },
    { causal: true, windowLeft: 0, mmPrefixRanges: [[[0, 1], [3, most]]] }, // prettier-ignore
  ];
  const offsets = [undefined, -3, 2 ** 29, -(2 ** 29)];
  return bands.flatMap((features) =>
    [1, 20].flatMap((queryLen) =>
      offsets.map((queryOffset) => ({
        name: `${queryLen} queries, offset ${queryOffset ?? 'default'}, ${JSON.stringify(features)}`,
        queryLen,
        keys: 11,
        queryOffset,
        features,
      })),
    ),
  );
}

/** Long enough that kernels split the keys and merge the parts. */
function longCases(): DenseCase[] {
  const features: ScoreFeatures[] = [
    {},
    { causal: true, sinks: true, alibi: true },
    { causal: true, slidingWindow: 4150, logitsSoftCap: 2 },
    { causal: true, windowLeft: 40, rswaPrefixLen: 4130 },
    { slidingWindow: 40, mmPrefixRanges: [[[100, 4190], [8500, 9100]], [[2, 90]]] }, // prettier-ignore
    { bias: 'S', mask: 'S' },
    { qqBias: 3, sinks: true },
  ];
  return features.flatMap((feature) =>
    [
      { queryLen: 1, keys: 9000, kvLens: [9000, 8193] },
      { queryLen: 18, keys: 4200, kvLens: [4200, 100] },
    ].map((lengths) => ({
      name: `${lengths.queryLen} queries over ${lengths.keys} keys, ${JSON.stringify(feature)}`,
      ...lengths,
      batch: 2,
      heads: [2, 1] as const,
      size: [4, 4] as const,
      features: feature,
    })),
  );
}

/** NaN in K and Infinity in V must stay with the rows that see them. */
function poisonCases(): DenseCase[] {
  return LAYOUTS.flatMap((layout): DenseCase[] => [
    {
      name: `${layout}, NaN past kvLens`,
      layout,
      batch: 2,
      queryLen: 5,
      keys: 70,
      kvLens: [64, 3],
      poison: [64, 65, 66, 69],
    },
    {
      name: `${layout}, NaN at a key that causal queries do not reach`,
      layout,
      queryLen: 6,
      keys: 12,
      queryOffset: 3,
      poison: [9, 10, 11],
      features: { causal: true },
    },
    {
      name: `${layout}, NaN before every window`,
      layout,
      queryLen: 6,
      keys: 80,
      poison: [0, 1, 2, 63, 64],
      features: { causal: true, slidingWindow: 4 },
    },
    {
      name: `${layout}, NaN in another chunk`,
      layout,
      queryLen: 2,
      keys: 14,
      poison: [0, 7],
      features: { chunkSize: 8, causal: true },
    },
    {
      name: `${layout}, NaN at the last key, seen by the last row alone`,
      layout,
      queryLen: 6,
      keys: 9,
      poison: [8],
      features: { causal: true },
    },
    {
      name: `${layout}, NaN inside the window of some rows`,
      layout,
      queryLen: 40,
      keys: 40,
      poison: [17],
      features: { causal: true, slidingWindow: 3 },
    },
    {
      name: `${layout}, NaN behind a causal rule that a range lifts for some rows`,
      layout,
      queryLen: 30,
      keys: 30,
      poison: [9],
      features: { causal: true, mmPrefixRanges: [[[6, 9]]] },
    },
    {
      name: `${layout}, NaN before the windows of all rows outside its range`,
      layout,
      queryLen: 30,
      keys: 30,
      poison: [2],
      features: { slidingWindow: 2, mmPrefixRanges: [[[1, 20]]] },
    },
    {
      name: `${layout}, NaN behind a mask`,
      layout,
      queryLen: 5,
      keys: 30,
      poison: [0, 5, 29],
      features: { mask: 'NTS' },
    },
    {
      name: `${layout}, NaN behind a bias of -Infinity`,
      layout,
      queryLen: 5,
      keys: 30,
      poison: [1, 8],
      features: { bias: 'TS' },
    },
    {
      name: `${layout}, NaN behind a tree bias of -Infinity`,
      layout,
      queryLen: 6,
      keys: 30,
      poison: [25, 28],
      features: { qqBias: 6 },
    },
    {
      name: `${layout}, one query, NaN past kvLens`,
      layout,
      batch: 2,
      queryLen: 1,
      keys: 200,
      kvLens: [130, 1],
      poison: [130, 131, 199],
    },
  ]);
}

/** Cases of dense attention. */
export function denseCases(full: boolean): Readonly<Record<string, readonly DenseCase[]>> {
  return {
    'dense shapes': shapeCases(),
    'dense feature pairs': pairCases(full),
    'dense broadcasting': broadcastCases(),
    'dense positions': positionCases(),
    'dense extremes': extremeCases(),
    'dense over many keys': longCases(),
    'dense NaN and Infinity in keys': poisonCases(),
  };
}

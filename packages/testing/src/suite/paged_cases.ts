import { KV_CACHE_DTYPES, type KvCacheDtype } from '@tfjs-attention/core';
import { featurePairs, PACKED_FEATURES } from './feature_pairs.js';
import type { PagedCase } from './paged_case.js';
import type { ScoreFeatures } from './score_features.js';

/** A prefill, a decode, a chunk that continues, nothing to do for one, no keys for another, fewer keys than queries. */
const RAGGED = { queryLens: [9, 1, 5, 0, 1, 3, 20], seqLens: [9, 33, 20, 7, 0, 2, 71] };

const isScaled = (dtype: KvCacheDtype) => !['float32', 'float16', 'bfloat16'].includes(dtype);
const perToken = (dtype: KvCacheDtype) => dtype.endsWith('per_token_head');

/** Scales at which normal values use the type's range and some saturate. */
function scaleFor(dtype: KvCacheDtype): number {
  if (!isScaled(dtype)) return 1;
  return dtype === 'int8' ? 0.02 : 0.01;
}

function blockCases(): PagedCase[] {
  return [1, 2, 5, 16, 32, 100].flatMap((blockSize) => [
    { name: `blocks of ${blockSize}, ragged batch`, ...RAGGED, blockSize },
    {
      name: `blocks of ${blockSize}, long decode`,
      queryLens: [1, 1, 1],
      seqLens: [190, 64, 1],
      blockSize,
    },
  ]);
}

const SIZES = [
  [1, 1], [3, 3], [33, 33], [64, 64], [80, 80], [128, 128], [576, 512], [64, 32], [5, 12],
] as const; // prettier-ignore

const HEADS = [[1, 1], [4, 4], [4, 1], [6, 2], [16, 1], [9, 3]] as const; // prettier-ignore

function shapeCases(): PagedCase[] {
  const decode = { queryLens: [1, 1], seqLens: [21, 40], blockSize: 8 };
  const mixed = { queryLens: [6, 1], seqLens: [11, 18], blockSize: 4 };
  return [
    ...SIZES.flatMap((size): PagedCase[] => [
      { name: `head sizes ${size.join(' and ')}, decode`, ...decode, size, heads: [2, 1] },
      { name: `head sizes ${size.join(' and ')}, mixed`, ...mixed, size, heads: [2, 1] },
    ]),
    ...HEADS.flatMap((heads): PagedCase[] => [
      { name: `${heads.join(' over ')} heads, decode`, ...decode, heads },
      { name: `${heads.join(' over ')} heads, mixed`, ...mixed, heads },
    ]),
    ...[63, 64, 65, 127, 129, 257].map((length): PagedCase => ({
      name: `prefill of 17 over ${length} keys and decode over ${length}`,
      queryLens: [17, 1],
      seqLens: [length, length],
      blockSize: 16,
      heads: [2, 1],
    })),
    ...[{}, { sinks: true, alibi: true }, { slidingWindow: 4150, qqBias: 1 }].map(
      (features): PagedCase => ({
        name: `a chunk and a decode over thousands of keys, ${JSON.stringify(features)}`,
        queryLens: [18, 1, 1],
        seqLens: [4200, 8200, 3],
        blockSize: 16,
        heads: [2, 1],
        size: [4, 4],
        features,
      }),
    ),
  ];
}

function pairCases(full: boolean): PagedCase[] {
  const dtypes: readonly KvCacheDtype[] = full ? KV_CACHE_DTYPES : ['float32'];
  return dtypes.flatMap((dtype) =>
    featurePairs(PACKED_FEATURES).map(({ name, features }) => ({
      name: full ? `${name}, ${dtype}` : name,
      ...RAGGED,
      blockSize: 4,
      dtype,
      size: [12, 8] as const,
      ...(!perToken(dtype) && { kScale: scaleFor(dtype), vScale: scaleFor(dtype) }),
      features: { causal: true, ...features },
    })),
  );
}

function dtypeCases(): PagedCase[] {
  return KV_CACHE_DTYPES.flatMap((dtype): PagedCase[] => {
    const scale = scaleFor(dtype);
    const base = { dtype, blockSize: 16, heads: [4, 2] as const };
    const batches = {
      'ragged batch': RAGGED,
      decode: { queryLens: [1, 1], seqLens: [150, 17] },
    };
    return Object.entries(batches).flatMap(([name, lengths]): PagedCase[] => [
      ...(
        [
          [8, 8],
          [33, 20],
          [64, 64],
          [80, 80],
        ] as const
      ).map((size) => ({
        name: `${dtype}, ${name}, head sizes ${size.join(' and ')}`,
        ...base,
        ...lengths,
        size,
        ...(!perToken(dtype) && { kScale: scale, vScale: 1.5 * scale }),
      })),
      ...(perToken(dtype)
        ? []
        : [
            {
              name: `${dtype}, ${name}, a scale per KV head`,
              ...base,
              ...lengths,
              kScale: [scale, 1.7 * scale],
              vScale: [0.8 * scale, 2.1 * scale],
            },
            {
              name: `${dtype}, ${name}, a scale per head for values alone`,
              ...base,
              ...lengths,
              kScale: 3 * scale,
              vScale: [0.8 * scale, 2.1 * scale],
            },
          ]),
    ]);
  });
}

function featureCases(): PagedCase[] {
  const lists: ScoreFeatures[] = [
    { causal: false },
    { causal: false, slidingWindow: 5 },
    { causal: true, slidingWindow: 1 },
    { causal: true, slidingWindow: 17, sinks: true, logitsSoftCap: 2 },
    { chunkSize: 7 },
    { chunkSize: 16, chunkLookback: 1, sinks: true },
    { windowLeft: 4, rswaPrefixLen: 9 },
    { windowLeft: 4, rswaPrefixLens: [9, 0, 16, 2] },
    { mmPrefixRanges: [[[2, 5]], [[28, 33]], [], [[0, 90]], [[0, 3]], [[1, 1]], [[40, 55], [56, 65]]] }, // prettier-ignore
    { slidingWindow: 3, mmPrefixRanges: [[[0, 6]], [[5, 32]], [[3, 15], [17, 18]]] }, // prettier-ignore
    { chunkSize: 6, mmPrefixRanges: [[[4, 7]], [[10, 90]], [[1, 17]]], sinks: true },
    { windowLeft: 2, rswaPrefixLens: [3, 6], mmPrefixRanges: [[[5, 7]], [[20, 32]], [[1, 16]]] },
    { causalSeqs: [true, false, false] },
    { causalSeqs: [false, true], slidingWindow: 5 },
    { causalSeqs: [false, false, true], mmPrefixRanges: [[[4, 7]]], windowRight: 1 },
    { causal: false, causalSeqs: [true, false], windowRight: 3 },
    { qqBias: 1 },
    { qqBias: 3 },
    { qqBias: 12, causal: false },
    { alibi: true, slidingWindow: 9 },
    ...['NTS', 'N1S', '1TS', 'TS', 'S', 'T1', '1'].flatMap((axes) => [
      { bias: axes },
      { mask: axes },
    ]),
  ];
  const offsets = [undefined, [0, 32, 15, 0, 0, 0, 51], [-3, 40, 2, 5, 1, -1, 60]];
  return lists.flatMap((features) =>
    offsets.map((queryOffset) => ({
      name: `offsets ${JSON.stringify(queryOffset) ?? 'default'}, ${JSON.stringify(features)}`,
      ...RAGGED,
      blockSize: 5,
      queryOffset,
      features,
    })),
  );
}

/** Cases of attention over a paged cache. */
export function pagedCases(full: boolean): Readonly<Record<string, readonly PagedCase[]>> {
  return {
    'paged blocks': blockCases(),
    'paged shapes': shapeCases(),
    'paged cache dtypes': dtypeCases(),
    'paged feature pairs': pairCases(full),
    'paged features and positions': featureCases(),
  };
}

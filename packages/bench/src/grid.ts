import { KV_CACHE_DTYPES, type KvCacheDtype } from '@tfjs-attention/core';

export type Group = 'full' | 'causal' | 'window' | 'gqa' | 'past' | 'decode';

/**
 * One shape that is verified and timed: dense prefill, or over a paged cache a chunk of prefill with a past or one
 * decode step. B is 1.
 */
export interface Cell {
  readonly name: string;
  readonly group: Group;
  /** N, K, H */
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headSize: number;
  /** Query tokens: S for prefill, fewer with a past, 1 for decode. */
  readonly queryLen: number;
  readonly seqLen: number;
  readonly causal: boolean;
  readonly slidingWindow?: number;
  /** Cache types that our side is timed with; dense calls know float32 only. */
  readonly kvDtypes: readonly KvCacheDtype[];
  /** Milliseconds that one run of a peer may take before the peer is left out. */
  readonly patience: number;
}

/** Whether keys and values lie in a cache. */
export const isPaged = ({ group }: Pick<Cell, 'group'>): boolean =>
  group === 'past' || group === 'decode';

/** Tokens per cache block in every cell with a cache. */
export const BLOCK_SIZE = 16;

const MHA_HEADS = 8;
export const WINDOW = 256;
const FLOAT32 = ['float32'] as const;

export function prefill(
  group: Exclude<Group, 'past' | 'decode'>,
  seqLen: number,
  headSize: number,
  patience: number,
  heads: readonly [number, number] = [MHA_HEADS, MHA_HEADS],
  slidingWindow?: number,
): Cell {
  const [numHeads, numKvHeads] = heads;
  const label = slidingWindow === undefined ? group : `${group} ${slidingWindow}`;
  return {
    name: `${label} S=${seqLen} ${headsLabel(numHeads, numKvHeads)}x${headSize}`,
    group,
    numHeads,
    numKvHeads,
    headSize,
    queryLen: seqLen,
    seqLen,
    causal: group !== 'full',
    slidingWindow,
    kvDtypes: FLOAT32,
    patience,
  };
}

/** A chunk of prefill whose sequence has a past in the cache. */
export function withPast(
  seqLen: number,
  queryLen: number,
  heads: readonly [number, number, number],
  patience: number,
): Cell {
  const cell = decode(seqLen, heads, patience);
  const name = cell.name.replace('decode', `past T=${queryLen}`);
  return { ...cell, name, group: 'past', queryLen };
}

export function decode(
  seqLen: number,
  [numHeads, numKvHeads, headSize]: readonly [number, number, number],
  patience: number,
  kvDtypes: readonly KvCacheDtype[] = FLOAT32,
): Cell {
  return {
    name: `decode S=${seqLen} ${headsLabel(numHeads, numKvHeads)}x${headSize}`,
    group: 'decode',
    numHeads,
    numKvHeads,
    headSize,
    queryLen: 1,
    seqLen,
    causal: true,
    kvDtypes,
    patience,
  };
}

const headsLabel = (heads: number, kvHeads: number): string =>
  heads === kvHeads ? String(heads) : `${heads}/${kvHeads}`;

export const DECODE_HEADS = [
  [MHA_HEADS, MHA_HEADS, 64],
  [MHA_HEADS, MHA_HEADS, 128],
  [32, 8, 128],
] as const;

/** Every cell of a complete run. Each KV cache type is timed at 16k, where decode is bound by memory. */
export function fullGrid(): Cell[] {
  const lengths = [128, 512, 1024, 2048, 4096];
  return [
    ...(['full', 'causal'] as const).flatMap((group) =>
      [32, 64, 128].flatMap((size) =>
        lengths.map((length) => prefill(group, length, size, length === 4096 ? 5000 : 3000)),
      ),
    ),
    ...[1024, 2048, 4096, 8192].map((length) =>
      prefill('window', length, 64, 3000, undefined, WINDOW),
    ),
    ...[32, 128].map((size) => prefill('window', 4096, size, 3000, undefined, WINDOW)),
    prefill('gqa', 1024, 128, 15_000, [32, 8]),
    ...[1024, 4096].map((length) => withPast(length, 256, [32, 8, 128], 15_000)),
    withPast(4096, 256, [MHA_HEADS, MHA_HEADS, 64], 5000),
    ...DECODE_HEADS.flatMap((heads) =>
      [1024, 4096, 16384, 65536].map((length) =>
        decode(length, heads, 3000, length === 16384 ? KV_CACHE_DTYPES : FLOAT32),
      ),
    ),
  ];
}

/** A sample of the grid that ends within a minute. */
export function quickGrid(): Cell[] {
  return [
    ...(['full', 'causal'] as const).flatMap((group) =>
      [64, 128].flatMap((size) => [128, 512].map((length) => prefill(group, length, size, 250))),
    ),
    ...[1024, 2048, 4096].map((length) => prefill('window', length, 64, 250, undefined, WINDOW)),
    prefill('gqa', 256, 128, 500, [32, 8]),
    withPast(1024, 128, [32, 8, 128], 500),
    ...[1024, 4096, 16384].map((length) =>
      decode(length, DECODE_HEADS[0], 250, length === 4096 ? KV_CACHE_DTYPES : FLOAT32),
    ),
    decode(1024, DECODE_HEADS[2], 250),
  ];
}

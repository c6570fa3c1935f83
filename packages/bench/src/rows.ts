import type { KvCacheDtype } from '@tfjs-attention/core';
import type { WasmFlavour } from './contenders/contender.js';
import { BLOCK_SIZE, isPaged, type Cell } from './grid.js';
import type { Machine } from './machine.js';
import type { Timing } from './timing.js';
import { rateOf, rateValue, type Rate } from './work.js';

/** What became of one peer variant in a cell. */
export type PeerOutcome =
  | { readonly kind: 'timed'; readonly timing: Timing; readonly error: number }
  | { readonly kind: 'wrong'; readonly error: number }
  | { readonly kind: 'left out'; readonly reason: string };

export interface PeerResult {
  readonly family: string;
  readonly variant: string;
  readonly outcome: PeerOutcome;
}

/** A library's best variant in a cell; ratio = its time / ours. */
export interface PeerEntry {
  readonly ms: number;
  readonly minMs: number;
  readonly ratio: number;
  readonly variant?: string;
  /** Milliseconds of every variant that was timed. */
  readonly variants?: Readonly<Record<string, number>>;
}

/** One line of the table and of `--json`. */
export type Row = RowFacts & { readonly machine: Machine };

/** What a row says, wherever it was measured. */
export type RowFacts = {
  readonly cell: string;
  readonly op: 'flashAttention' | 'reshapeAndCache + pagedAttention';
  readonly dtype: KvCacheDtype;
  readonly shape: {
    readonly batch: 1;
    readonly queryLen: number;
    readonly seqLen: number;
    readonly numHeads: number;
    readonly numKvHeads: number;
    readonly headSize: number;
    readonly causal: boolean;
    readonly slidingWindow?: number;
    readonly blockSize?: number;
  };
  /** tfjs backend. */
  readonly backend: string;
  readonly wasm?: WasmFlavour;
  /** Instruction set of machine code. */
  readonly isa?: string;
  /** 'FUSED', or 'COMPOSED' where no kernel served. */
  readonly strategy: string;
  readonly ms: number;
  readonly minMs: number;
  readonly samples: number;
  /**
   * The multiply-add peak or the read bandwidth of the cores in use, timed in turns with the kernel, and our share of it. Both from
   * the quickest sample: a peak is what is reached undisturbed.
   */
  readonly ceiling?: { readonly rate: number; readonly share: number };
  /** Largest |error| against the float64 oracle over sampled rows, and what is allowed. */
  readonly error: number;
  readonly tolerance: number;
  readonly peers: Readonly<Record<string, PeerEntry>>;
  /** Peers without a time: wrong, or why they were left out. */
  readonly absentPeers: Readonly<Record<string, string>>;
} & Rate;

export interface OwnResult {
  readonly backend: string;
  readonly wasm?: WasmFlavour;
  readonly isa?: string;
  readonly strategy: string;
  readonly dtype: KvCacheDtype;
  readonly timing: Timing;
  readonly error: number;
  readonly tolerance: number;
  /** GFLOP/s or GB/s. */
  readonly ceilingRate?: number;
}

export function makeRow(
  cell: Cell,
  own: OwnResult,
  peers: readonly PeerResult[],
  machine: Machine,
): Row {
  return { ...rowFacts(cell, own, peers), machine };
}

export function rowFacts(cell: Cell, own: OwnResult, peers: readonly PeerResult[]): RowFacts {
  const { numHeads, numKvHeads, headSize, queryLen, seqLen, causal, slidingWindow } = cell;
  const { timing, ceilingRate } = own;
  const rate = rateOf(cell, own.dtype, timing.ms);
  const paged = isPaged(cell);
  return {
    cell: cell.name,
    op: paged ? 'reshapeAndCache + pagedAttention' : 'flashAttention',
    dtype: own.dtype,
    shape: {
      batch: 1,
      queryLen,
      seqLen,
      numHeads,
      numKvHeads,
      headSize,
      causal,
      ...(slidingWindow !== undefined && { slidingWindow }),
      ...(paged && { blockSize: BLOCK_SIZE }),
    },
    backend: own.backend,
    ...(own.wasm !== undefined && { wasm: own.wasm }),
    ...(own.isa !== undefined && { isa: own.isa }),
    strategy: own.strategy,
    ms: timing.ms,
    minMs: timing.minMs,
    samples: timing.samples,
    ...rate,
    ...(ceilingRate !== undefined && {
      ceiling: {
        rate: ceilingRate,
        share: rateValue(rateOf(cell, own.dtype, timing.minMs)) / ceilingRate,
      },
    }),
    error: own.error,
    tolerance: own.tolerance,
    peers: bestOfEach(peers, timing.ms),
    absentPeers: absentOf(peers),
  };
}

function bestOfEach(peers: readonly PeerResult[], ours: number): Record<string, PeerEntry> {
  const families: Record<string, PeerEntry> = {};
  for (const { family, variant, outcome } of peers) {
    if (outcome.kind !== 'timed') continue;
    const { ms, minMs } = outcome.timing;
    const before = families[family];
    const variants = { ...before?.variants, ...(variant !== '' && { [variant]: ms }) };
    const best =
      before === undefined || ms < before.ms
        ? { ms, minMs, ratio: ms / ours, ...(variant !== '' && { variant }) }
        : before;
    families[family] = { ...best, ...(variant !== '' && { variants }) };
  }
  return families;
}

function absentOf(peers: readonly PeerResult[]): Record<string, string> {
  return Object.fromEntries(
    peers.flatMap(({ family, variant, outcome }) => {
      const name = variant === '' ? family : `${family} ${variant}`;
      switch (outcome.kind) {
        case 'timed':
          return [];
        case 'wrong':
          return [[name, `wrong: error ${outcome.error.toExponential(1)}`]];
        case 'left out':
          return [[name, outcome.reason]];
        default:
          return outcome satisfies never;
      }
    }),
  );
}

/** What serves a row: the tfjs backend, and its WebAssembly module or instruction set. */
export const kernelName = ({ backend, wasm, isa }: Pick<Row, 'backend' | 'wasm' | 'isa'>): string =>
  [backend, wasm ?? isa ?? []].flat().join(' ');

/** A JSON array with one row a line. */
export function rowsText(rows: readonly Row[]): string {
  return `[\n${rows.map((row) => JSON.stringify(row)).join(',\n')}\n]\n`;
}

import { median } from './statistics.js';
import { kernelName, type Row } from './rows.js';
import { rateValue } from './work.js';

const CELL = 30;
const KERNEL = 34;
const LEAST_COLUMN = 10;

const NAMES: readonly [string, number][] = [
  ['ms', 10],
  ['rate', 15],
  ['share', 7],
];

/** A fixed-width table that is printed line by line, as cells are done. `families`: one column each. */
export class Table {
  constructor(private readonly families: readonly string[]) {}

  header(): string {
    const fixed = 'cell'.padEnd(CELL) + 'kernel'.padEnd(KERNEL);
    const numbers = NAMES.map(([name, width]) => name.padStart(width)).join('');
    return fixed + numbers + this.families.map((name) => this.column(name, short(name))).join('');
  }

  /** A peer's column says how many times longer than ours it took. */
  line(row: Row): string {
    const kernel = `${kernelName(row)}${row.dtype === 'float32' ? '' : ` ${row.dtype}`}`;
    const marked = row.strategy === 'FUSED' ? kernel : `${kernel} ${row.strategy}`;
    const numbers = [
      significant(row.ms),
      `${significant(rateValue(row))} ${'gbps' in row ? 'GB/s' : 'GFLOP/s'}`,
      row.ceiling ? `${Math.round(100 * row.ceiling.share)} %` : '-',
    ].map((text, i) => text.padStart(NAMES[i][1]));
    return (
      row.cell.padEnd(CELL) +
      marked.padEnd(KERNEL) +
      numbers.join('') +
      this.families.map((name) => this.column(name, this.peerText(row, name))).join('')
    );
  }

  private peerText({ peers, absentPeers }: Row, family: string): string {
    if (peers[family] !== undefined) return `${significant(peers[family].ratio)}x`;
    const wrong = Object.entries(absentPeers).some(
      ([name, reason]) => isOf(name, family) && reason.startsWith('wrong'),
    );
    return wrong ? 'wrong' : '-';
  }

  private column(name: string, text: string): string {
    return ` ${text.padStart(Math.max(LEAST_COLUMN, short(name).length + 1))}`;
  }
}

const short = (family: string): string => family.replace('onnxruntime', 'ort');

/** Whether a full name such as 'tfjs-wasm per head' is a variant of the family, and not of a longer-named one. */
function isOf(name: string, family: string): boolean {
  return (
    name === family || (name.startsWith(`${family} `) && !name.startsWith(`${family} whole KV`))
  );
}

/** Three digits that count: 1234, 123, 12.3, 1.23, 0.0123. */
export function significant(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** Why peers have no time: each reason once, with how many cells it holds for. */
export function absenceNotes(rows: readonly Row[]): string[] {
  const cellsOf = new Map<string, Set<string>>();
  for (const { cell, absentPeers } of rows) {
    for (const [name, reason] of Object.entries(absentPeers)) {
      const key = `${name}: ${reason.replace(/about [\d.]+ s a run/, 'too slow to wait for')}`;
      cellsOf.set(key, (cellsOf.get(key) ?? new Set()).add(cell));
    }
  }
  return [...cellsOf].sort().map(([note, { size }]) => `${note} (${size} cells)`);
}

/** Worst and median share of the ceiling and ratio to each peer, for every kind of float32 cell and kernel. */
export function summaryLines(rows: readonly Row[]): string[] {
  const kinds = new Map<string, Row[]>();
  for (const row of rows) {
    if (row.dtype !== 'float32') continue;
    const kind = `${row.cell.split(' S=')[0]} ${kernelName(row)}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), row]);
  }
  return [...kinds].map(([kind, members]) => {
    const shares = members.flatMap(({ ceiling }) => (ceiling ? [100 * ceiling.share] : []));
    const families = [...new Set(members.flatMap(({ peers }) => Object.keys(peers)))];
    const parts = families.map((family) => {
      const ratios = members.flatMap(({ peers }) => (peers[family] ? [peers[family].ratio] : []));
      return `${short(family)} ${worstAndMedian(ratios)} x`;
    });
    const share = shares.length > 0 ? [`ceiling ${worstAndMedian(shares)} %`] : [];
    return `${kind}: ${[...share, ...parts].join(', ')}`;
  });
}

/** How many times as long a step over a float32 cache takes, for every other cache type. */
export function cacheTypeLines(rows: readonly Row[]): string[] {
  const kernelOf = (row: Row) => `${row.cell} ${kernelName(row)}`;
  const plain = new Map(
    rows.filter(({ dtype }) => dtype === 'float32').map((row) => [kernelOf(row), row.ms]),
  );
  const lines = new Map<string, string[]>();
  for (const row of rows) {
    const base = plain.get(kernelOf(row));
    if (row.dtype === 'float32' || base === undefined) continue;
    const part = `${row.dtype} ${significant(base / row.ms)}x`;
    lines.set(kernelOf(row), [...(lines.get(kernelOf(row)) ?? []), part]);
  }
  return [...lines].map(([kernel, parts]) => `${kernel}: ${parts.join(', ')}`);
}

function worstAndMedian(values: readonly number[]): string {
  return `${significant(Math.min(...values))} / ${significant(median(values))}`;
}

// What the page of the benchmark sends, one message a POST.
import type { RowFacts } from '../rows.js';

/** A row as the page knows it: the machine is added outside. */
export type PageRow = RowFacts & {
  /** The device's own name. */
  renderer: string;
  /** Ops in our chain. */
  chain: number;
  /** Milliseconds of one call with its readback: ours and each stock composition's. */
  single: Readonly<Record<string, number>>;
};

export type PageMessage =
  | { kind: 'start'; renderer: string; kernels: string; cells: number }
  | { kind: 'row'; row: PageRow }
  | { kind: 'bad'; cell: string; reason: string }
  | { kind: 'failed'; reason: string }
  | { kind: 'end' };

/** What the page is asked for in its address. */
export interface PageRequest {
  quick: boolean;
  filter: string;
}

export const searchOf = ({ quick, filter }: PageRequest): string =>
  new URLSearchParams({ quick: String(quick), filter }).toString();

export function requestOf(search: string): PageRequest {
  const params = new URLSearchParams(search);
  return { quick: params.get('quick') === 'true', filter: params.get('filter') ?? '' };
}

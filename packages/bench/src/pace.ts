import type { Cell } from './grid.js';
import { cacheBytes, denseFlops } from './work.js';

/**
 * Foretells how long a peer takes, from the cells that it has done: peers are up to a hundred times slower than the
 * kernels, and a run must end.
 */
export class Pace {
  private readonly msPerWork = new Map<string, number>();

  note(name: string, cell: Cell, ms: number): void {
    const each = ms / workOf(cell);
    this.msPerWork.set(keyOf(name, cell), each);
    this.msPerWork.set(keyOf(name, cell, true), each);
  }

  /** Milliseconds of one run, or undefined where the peer has done nothing like it. */
  foretell(name: string, cell: Cell): number | undefined {
    const each =
      this.msPerWork.get(keyOf(name, cell)) ?? this.msPerWork.get(keyOf(name, cell, true));
    return each === undefined ? undefined : each * workOf(cell);
  }
}

/** Peers compute masked scores too. */
function workOf(cell: Cell): number {
  return cell.group === 'decode' ? cacheBytes(cell) : denseFlops(cell);
}

function keyOf(name: string, { group, headSize }: Cell, anySize = false): string {
  const phase = group === 'decode' ? 'decode' : 'prefill';
  return `${name}|${phase}|${anySize ? '*' : headSize}`;
}

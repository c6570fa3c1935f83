import { fullName, type Peer, type Runner } from './contenders/contender.js';
import type { Cell } from './grid.js';
import { makeInputs } from './inputs.js';
import type { Pace } from './pace.js';
import { timeRun, type ClockName } from './timing.js';

/** Tokens: the shortest length that foretells anything, and the longest that the slowest peer does in seconds. */
const SHORTEST = { prefill: 128, decode: 1024 } as const;
const LONGEST = { prefill: 512, decode: 4096 } as const;

/** Tries a peer on a short cell of the same heads where nothing is known of its pace, so that a long one holds no surprise. */
export async function calibrate(
  peer: Peer,
  cell: Cell,
  pace: Pace,
  clock: ClockName,
): Promise<void> {
  const short = shortened(cell);
  const name = fullName(peer);
  if (short === undefined || pace.foretell(name, cell) !== undefined) return;
  let runner: Runner | undefined;
  try {
    runner = await peer.prepare(short, makeInputs(short));
    await runner.activate?.();
    await timeRun(runner, clock);
    pace.note(name, short, await timeRun(runner, clock));
  } catch {
    // The cell itself will say what is wrong.
  } finally {
    await runner?.dispose();
  }
}

/** The same heads over a quarter of the tokens or fewer, or undefined where they are few already. */
export function shortened(cell: Cell): Cell | undefined {
  const phase = cell.group === 'decode' ? 'decode' : 'prefill';
  if (cell.seqLen <= SHORTEST[phase]) return undefined;
  const seqLen = Math.min(LONGEST[phase], Math.max(SHORTEST[phase], cell.seqLen >> 2));
  return { ...cell, seqLen, queryLen: Math.min(cell.queryLen, seqLen) };
}

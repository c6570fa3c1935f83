// The peers of one cell: which take part, whether they are right, and their first run.
import { calibrate } from './calibrate.js';
import { fullName, type Peer, type Runner } from './contenders/contender.js';
import type { Cell } from './grid.js';
import type { Inputs } from './inputs.js';
import type { Pace } from './pace.js';
import type { PeerResult } from './rows.js';
import { timeRun, type ClockName, type Entrant } from './timing.js';
import { judge, type Expected } from './verify.js';

/** A peer that is right, ready to be timed. */
export interface PeerEntrant extends Entrant {
  readonly peer: Peer;
  readonly runner: Runner;
  readonly error: number;
}

export interface Field {
  readonly entrants: readonly PeerEntrant[];
  /** Peers that are not timed, and why. */
  readonly absent: readonly PeerResult[];
}

/** A variant that is this much slower than its library's best is not worth the wait. */
const HOPELESS = 1.25;
const WORTH_THE_WAIT_MS = 300;

/** Prepares, runs once and verifies every peer that fits. */
export async function gatherField(
  peers: readonly Peer[],
  cell: Cell,
  inputs: Inputs,
  expected: Expected,
  pace: Pace,
  clock: ClockName = 'wall',
): Promise<Field> {
  const entrants: PeerEntrant[] = [];
  const absent: PeerResult[] = [];
  const concerned = peers.filter(({ decodeOnly }) => !decodeOnly || cell.group === 'decode');
  for (const peer of concerned) {
    if (peer.unfit(cell) === null) await calibrate(peer, cell, pace, clock);
  }
  for (const peer of concerned) {
    const reason = peer.unfit(cell) ?? tooSlow(peer, peers, cell, pace);
    const found = reason ?? (await tryPeer(peer, cell, inputs, expected, clock));
    if (typeof found === 'string') {
      absent.push(resultOf(peer, { kind: 'left out', reason: found }));
    } else if ('wrong' in found) {
      absent.push(resultOf(peer, { kind: 'wrong', error: found.wrong }));
    } else {
      pace.note(fullName(peer), cell, found.firstMs);
      entrants.push(found);
    }
  }
  return { entrants, absent };
}

const resultOf = ({ family, variant }: Peer, outcome: PeerResult['outcome']): PeerResult => ({
  family,
  variant,
  outcome,
});

/** Why a peer would keep everyone waiting, or null. */
function tooSlow(peer: Peer, peers: readonly Peer[], cell: Cell, pace: Pace): string | null {
  const wait = pace.foretell(fullName(peer), cell);
  if (wait === undefined || wait < WORTH_THE_WAIT_MS) return null;
  if (wait > cell.patience) return `about ${(wait / 1000).toFixed(1)} s a run`;
  if (cell.group === 'gqa') return null;
  const best = Math.min(
    ...peers
      .filter((other) => other.family === peer.family && other.unfit(cell) === null)
      .map((other) => pace.foretell(fullName(other), cell) ?? Infinity),
  );
  return wait > HOPELESS * best ? 'slower than another of its library' : null;
}

/** A verified entrant, its error where it is wrong, or what stopped it. */
async function tryPeer(
  peer: Peer,
  cell: Cell,
  inputs: Inputs,
  expected: Expected,
  clock: ClockName,
): Promise<PeerEntrant | { wrong: number } | string> {
  let runner: Runner | undefined;
  try {
    runner = await peer.prepare(cell, inputs);
    await runner.activate?.();
    const firstMs = await timeRun(runner, clock);
    const { right, error } = judge(runner, expected, expected.looseTolerance);
    if (right) return { peer, runner, firstMs, error };
    await runner.dispose();
    return { wrong: error };
  } catch (problem) {
    await runner?.dispose();
    return `failed: ${problem instanceof Error ? problem.message.split('\n')[0] : String(problem)}`;
  }
}

// Our kernels in one cell: whether they are right, and their first run.
import type { KvCacheDtype } from '@tfjs-attention/core';
import type { Runner } from './contenders/contender.js';
import { nativeCeiling } from './contenders/native.js';
import { prepareOurs, useRound, type Backend, type Round } from './contenders/ours.js';
import { strategyOf } from './contenders/strategy.js';
import type { Cell } from './grid.js';
import type { Inputs } from './inputs.js';
import type { OwnResult } from './rows.js';
import { timeRun, type ClockName, type Entrant } from './timing.js';
import { judge, type Expected } from './verify.js';

/** A kernel that is right, with what its rows will say of it. */
export interface OwnEntrant extends Entrant {
  readonly runner: Runner;
  readonly facts: Omit<OwnResult, 'timing' | 'ceilingRate'>;
}

/** A kernel that is wrong or failed: it gets no time. */
export interface BadKernel {
  readonly name: string;
  readonly reason: string;
}

export interface Team {
  readonly entrants: readonly OwnEntrant[];
  readonly bad: readonly BadKernel[];
}

/** Prepares, runs once and verifies a round's kernels on every backend, with every cache type of the cell. */
export async function gatherTeam(
  cell: Cell,
  inputs: Inputs,
  round: Round,
  expected: ReadonlyMap<KvCacheDtype, Expected>,
  clock: ClockName,
): Promise<Team> {
  useRound(round);
  const entrants: OwnEntrant[] = [];
  const bad: BadKernel[] = [];
  for (const [dtype, wanted] of expected) {
    if (!cell.kvDtypes.includes(dtype)) continue;
    for (const backend of round.backends) {
      const found = await tryKernel(cell, inputs, round, backend, dtype, wanted, clock);
      if (typeof found !== 'string') entrants.push(found);
      else
        bad.push({ name: `${cell.name} ${backend} ${round.wasm ?? ''} ${dtype}`, reason: found });
    }
  }
  return { entrants, bad };
}

/** A verified entrant, or what is wrong with it. */
async function tryKernel(
  cell: Cell,
  inputs: Inputs,
  { wasm }: Round,
  backend: Backend,
  dtype: KvCacheDtype,
  expected: Expected,
  clock: ClockName,
): Promise<OwnEntrant | string> {
  let runner: Runner | undefined;
  try {
    runner = await prepareOurs(cell, inputs, backend, dtype);
    const firstMs = await timeRun(runner, clock);
    const { tolerance } = expected;
    const { right, error } = judge(runner, expected, tolerance);
    if (right) {
      const strategy = strategyOf(cell, dtype);
      const kernels = wasm === undefined ? { isa: nativeCeiling()?.instructionSet() } : { wasm };
      return { runner, firstMs, facts: { backend, ...kernels, strategy, dtype, error, tolerance } };
    }
    await runner.dispose();
    return `wrong: error ${error.toExponential(2)}, tolerance ${tolerance.toExponential(2)}`;
  } catch (problem) {
    await runner?.dispose();
    return `failed: ${problem instanceof Error ? problem.message : String(problem)}`;
  }
}

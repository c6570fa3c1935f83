import type { KvCacheDtype } from '@tfjs-attention/core';
import { ceilingEntrants } from './ceiling.js';
import { fullName, type Peer } from './contenders/contender.js';
import type { Round } from './contenders/ours.js';
import { gatherField, type Field } from './field.js';
import type { Cell } from './grid.js';
import { makeInputs, type Inputs } from './inputs.js';
import type { Machine } from './machine.js';
import type { Pace } from './pace.js';
import { makeRow, type PeerResult, type Row } from './rows.js';
import { gatherTeam, type BadKernel, type Team } from './team.js';
import { alternate, interleave, type Entrant, type TimingRules } from './timing.js';
import { expectedRows, type Expected } from './verify.js';

/** What a run does with every cell. */
export interface Setting {
  readonly rounds: readonly Round[];
  readonly peers: readonly Peer[];
  readonly pace: Pace;
  readonly rules: TimingRules;
  readonly machine: Machine;
}

export interface CellReport {
  readonly rows: readonly Row[];
  readonly bad: readonly BadKernel[];
}

/** Verifies everyone on a cell, then times in turns whoever is right: once for each round. */
export async function runCell(cell: Cell, setting: Setting): Promise<CellReport> {
  const { rounds, peers, pace, rules } = setting;
  const inputs = makeInputs(cell);
  const plain = await expectedRows(cell, inputs, 'float32');
  const expected = await expectedByType(cell, inputs, plain);
  const field = await gatherField(peers, cell, inputs, plain, pace, rules.clock);
  const rows: Row[] = [];
  const bad: BadKernel[] = [];
  try {
    for (const round of rounds) {
      const team = await gatherTeam(cell, inputs, round, expected, rules.clock);
      try {
        rows.push(...(await timeTogether(cell, round, field, team, setting)));
      } finally {
        for (const { runner } of team.entrants) await runner.dispose();
      }
      bad.push(...team.bad);
    }
  } finally {
    for (const { runner } of field.entrants) await runner.dispose();
  }
  return { rows, bad };
}

async function expectedByType(
  cell: Cell,
  inputs: Inputs,
  plain: Expected,
): Promise<Map<KvCacheDtype, Expected>> {
  const expected = new Map<KvCacheDtype, Expected>();
  for (const dtype of cell.kvDtypes) {
    expected.set(dtype, dtype === 'float32' ? plain : await expectedRows(cell, inputs, dtype));
  }
  return expected;
}

/** One row for each kernel of the team. */
async function timeTogether(
  cell: Cell,
  round: Round,
  field: Field,
  team: Team,
  { pace, rules, machine }: Setting,
): Promise<Row[]> {
  const ceilings = ceilingEntrants(cell, round, machine.threads);
  const entrants = [...alternate<Entrant>(field.entrants, team.entrants), ...ceilings];
  const timings = await interleave(entrants, rules);
  const timingOf = (entrant: Entrant) => timings[entrants.indexOf(entrant)];
  const timed = field.entrants.map((entrant): PeerResult => {
    const { peer, error } = entrant;
    const timing = timingOf(entrant);
    pace.note(fullName(peer), cell, timing.ms);
    return {
      family: peer.family,
      variant: peer.variant,
      outcome: { kind: 'timed', timing, error },
    };
  });
  return team.entrants.map((entrant) => {
    const { dtype } = entrant.facts;
    const rates = ceilings
      .filter((ceiling) => ceiling.dtype === null || ceiling.dtype === dtype)
      .map((ceiling) => ceiling.work / timingOf(ceiling).minMs / 1e6);
    const own = {
      ...entrant.facts,
      timing: timingOf(entrant),
      ...(rates.length > 0 && { ceilingRate: Math.max(...rates) }),
    };
    return makeRow(cell, own, [...timed, ...field.absent], machine);
  });
}

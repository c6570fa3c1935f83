import { median } from './statistics.js';
import type { Runner } from './contenders/contender.js';

/** Something to be timed beside others. */
export interface Entrant {
  readonly runner: Pick<Runner, 'run' | 'activate'>;
  /** Milliseconds of the run that was verified. */
  readonly firstMs: number;
}

/** Milliseconds a run. */
export interface Timing {
  /** Median over the samples. */
  readonly ms: number;
  readonly minMs: number;
  readonly samples: number;
}

export interface TimingRules {
  readonly clock: ClockName;
  /** Milliseconds for all entrants of a cell together; each gets an equal share. */
  readonly budgetMs: number;
  /** Samples that a slow entrant gives too, unless they take three budgets. */
  readonly minSamples: number;
  readonly maxSamples: number;
  /** How long an entrant runs before its first sample: engines compile again what turns out to be hot. */
  readonly warmUpMs: number;
  /** Runs are repeated within a sample until it lasts this long. */
  readonly sampleMs: number;
}

/**
 * 'wall' is what a user waits. 'cpu' counts only the time that this process had a core, helper threads included: on a
 * busy machine it still tells the kernels apart.
 */
export type ClockName = 'wall' | 'cpu';

const CLOCKS: Readonly<Record<ClockName, () => number>> = {
  wall: () => performance.now(),
  cpu: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

/** A run this long has no use for warming up: its first run counts. */
const LONG_RUN_MS = 1000;
const MOST_REPEATS = 1000;
/** Budgets that one entrant may spend on its fewest samples. */
const MOST_OVERDRAFT = 3;
/** Calls shorter than this are JavaScript in good part, which engines compile for good only after so many runs. */
const CALL_MS = 1;
const CALL_RUNS = 1000;
/** Warm-ups that these may last. */
const MOST_WARM_UPS = 5;
/** Below it a clock's own grain counts. */
const SHORTEST_MS = 0.001;

/** One run's milliseconds. */
export async function timeRun(
  { run }: Pick<Runner, 'run'>,
  clock: ClockName,
  repeats = 1,
): Promise<number> {
  const now = CLOCKS[clock];
  const start = now();
  for (let i = 0; i < repeats; i++) {
    const pending = run();
    if (pending) await pending;
  }
  return (now() - start) / repeats;
}

/** An entrant on its way; `spent` counts milliseconds. */
interface Lane {
  readonly runner: Entrant['runner'];
  readonly repeats: number;
  readonly samples: number[];
  spent: number;
}

/**
 * Times all entrants in turns, one sample each a round, so that whatever slows the machine for a while slows all of
 * them. A sample of several runs follows one that does not count: the others' turns have emptied the caches. An entrant
 * leaves when it has used its share of the budget.
 */
export async function interleave(
  entrants: readonly Entrant[],
  { clock, budgetMs, minSamples, maxSamples, warmUpMs, sampleMs }: TimingRules,
): Promise<Timing[]> {
  const share = budgetMs / entrants.length;
  const lanes: Lane[] = [];
  for (const { runner, firstMs } of entrants) {
    const long = firstMs >= LONG_RUN_MS;
    const bestMs = long ? firstMs : await warmUp(runner, clock, firstMs, warmUpMs);
    lanes.push({
      runner,
      repeats: Math.min(MOST_REPEATS, Math.max(1, Math.round(sampleMs / bestMs))),
      samples: long ? [firstMs] : [],
      spent: long ? firstMs : 0,
    });
  }
  const wantsMore = ({ samples, spent }: Lane) =>
    samples.length < minSamples
      ? spent < MOST_OVERDRAFT * budgetMs || samples.length === 0
      : spent < share && samples.length < maxSamples;
  for (let waiting = lanes.filter(wantsMore); waiting.length > 0;) {
    for (const lane of waiting) {
      await lane.runner.activate?.();
      if (lane.repeats > 1) await lane.runner.run();
      const ms = await timeRun(lane.runner, clock, lane.repeats);
      lane.samples.push(ms);
      lane.spent += ms * lane.repeats;
    }
    waiting = waiting.filter(wantsMore);
  }
  return lanes.map(({ samples }) => ({
    ms: median(samples),
    minMs: Math.min(...samples),
    samples: samples.length,
  }));
}

/**
 * Runs until `untilMs` are spent, the first run included, or longer where calls are short; gives the fastest run's milliseconds: the last one may have
 * been disturbed, and a sample of too few runs tells of cold caches.
 */
async function warmUp(
  runner: Entrant['runner'],
  clock: ClockName,
  firstMs: number,
  untilMs: number,
): Promise<number> {
  await runner.activate?.();
  let bestMs = Math.max(firstMs, SHORTEST_MS);
  let spent = bestMs;
  const isCold = (runs: number) =>
    spent < untilMs || (bestMs < CALL_MS && runs < CALL_RUNS && spent < MOST_WARM_UPS * untilMs);
  for (let runs = 1; isCold(runs); runs++) {
    const lastMs = Math.max(await timeRun(runner, clock), SHORTEST_MS);
    bestMs = Math.min(bestMs, lastMs);
    spent += lastMs;
  }
  return bestMs;
}

/** Peer, ours, peer, ours, as long as there are both; then the rest. */
export function alternate<T>(peers: readonly T[], ours: readonly T[]): T[] {
  const length = Math.max(peers.length, ours.length);
  return Array.from({ length }, (_, i) => [peers[i], ours[i]])
    .flat()
    .filter((entry) => entry !== undefined);
}

import { median } from '../statistics.js';
import type { Timing } from '../timing.js';

/** Runs of one implementation: `run(n)` is n ops and one readback. */
export interface Timed {
  run: (count: number) => Promise<unknown>;
}

export interface ChainRules {
  /** Milliseconds for all implementations of a cell together. */
  readonly budgetMs: number;
  readonly minSamples: number;
  readonly maxSamples: number;
  /** A chain is made to last about this long, as far as `mostOps` goes. */
  readonly chainMs: number;
  readonly mostOps: number;
}

export interface ChainTiming {
  /** Of one op: (N chained ops and one readback) minus (one op and its readback), over N - 1. */
  readonly perOp: Timing;
  /** Milliseconds of one call with its readback. */
  readonly singleMs: number;
  /** N */
  readonly count: number;
}

type Clock = () => number;

/** Below it a difference is noise. */
const SHORTEST_MS = 0.001;

/** Times all in turns, so that whatever slows the machine slows all of them. The shaders must have been compiled. */
export async function timeChains(
  all: readonly Timed[],
  { budgetMs, minSamples, maxSamples, chainMs, mostOps }: ChainRules,
  now: Clock = () => performance.now(),
): Promise<ChainTiming[]> {
  const timeOf = async ({ run }: Timed, count: number) => {
    const start = now();
    await run(count);
    return now() - start;
  };
  const lanes = [];
  for (const timed of all) {
    const first = await timeOf(timed, 1);
    const count = Math.min(
      mostOps,
      Math.max(2, Math.round(chainMs / Math.max(first, SHORTEST_MS))),
    );
    lanes.push({ timed, count, singles: [] as number[], chains: [] as number[] });
  }
  const start = now();
  for (let round = 0; round < maxSamples; round++) {
    if (round >= minSamples && now() - start > budgetMs) break;
    for (const { timed, count, singles, chains } of lanes) {
      singles.push(await timeOf(timed, 1));
      chains.push(await timeOf(timed, count));
    }
  }
  return lanes.map(({ count, singles, chains }) => {
    const each = (long: number, short: number) =>
      Math.max(SHORTEST_MS, (long - short) / (count - 1));
    const ms = each(median(chains), median(singles));
    const perOp = {
      ms,
      minMs: Math.min(ms, each(Math.min(...chains), Math.min(...singles))),
      samples: chains.length,
    };
    return { perOp, singleMs: median(singles), count };
  });
}

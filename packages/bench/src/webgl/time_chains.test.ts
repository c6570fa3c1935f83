import { expect, test } from '@jest/globals';
import { timeChains } from './time_chains.js';

const rules = { budgetMs: 1e9, minSamples: 3, maxSamples: 5, chainMs: 100, mostOps: 20 };

/** A device on which a call costs `overhead` and each op `op` milliseconds. */
function device(calls: [overhead: number, op: number][]) {
  let time = 0;
  const runs = calls.map(([overhead, op]) => ({
    run: (count: number) => Promise.resolve((time += overhead + count * op)),
  }));
  return timeChains(runs, rules, () => time);
}

test('what one call costs besides its op is not counted', async () => {
  const [fast, slow] = await device([
    [5, 5],
    [5, 95],
  ]);
  expect(fast).toEqual({ perOp: { ms: 5, minMs: 5, samples: 5 }, singleMs: 10, count: 10 });
  expect(slow).toEqual({ perOp: { ms: 95, minMs: 95, samples: 5 }, singleMs: 100, count: 2 });
});

test('chains have an end', async () => {
  const [timing] = await device([[0, 0.1]]);
  expect(timing.count).toBe(20);
  expect(timing.perOp.ms).toBeCloseTo(0.1, 9);
});

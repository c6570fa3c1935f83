import { describe, expect, test } from '@jest/globals';
import { alternate, interleave, timeRun, type TimingRules } from './timing.js';

const RULES: TimingRules = {
  clock: 'wall',
  budgetMs: 1e4,
  minSamples: 3,
  maxSamples: 3,
  warmUpMs: 0,
  sampleMs: 1,
};

function recorder() {
  const calls: string[] = [];
  const entrant = (name: string, firstMs: number) => ({
    runner: {
      activate: () => Promise.resolve(void calls.push(`activate ${name}`)),
      run: () => void calls.push(name),
    },
    firstMs,
  });
  return { calls, entrant };
}

describe('interleave', () => {
  test('gives everyone a turn in every round', async () => {
    const { calls, entrant } = recorder();
    const timings = await interleave([entrant('peer', 1), entrant('ours', 1)], RULES);
    const round = ['activate peer', 'peer', 'activate ours', 'ours'];
    const readied = ['activate peer', 'activate ours'];
    expect(calls).toEqual([...readied, ...round, ...round, ...round]);
    expect(timings.map(({ samples }) => samples)).toEqual([3, 3]);
  });

  test('repeats a quick run within a sample, after one that does not count', async () => {
    const { calls, entrant } = recorder();
    await interleave([entrant('a', 0.25)], RULES);
    expect(calls.filter((call) => call === 'a')).toHaveLength(3 * (1 + 4));
  });

  test('warms up before the first sample', async () => {
    const { calls, entrant } = recorder();
    await interleave([entrant('a', 1), entrant('b', 1)], { ...RULES, warmUpMs: 2, sampleMs: 0 });
    const firstOfB = calls.indexOf('b');
    expect(calls.slice(0, firstOfB).filter((call) => call === 'a').length).toBeGreaterThan(3);
    expect(calls.slice(0, firstOfB).filter((call) => call.startsWith('activate'))).toHaveLength(2);
  });

  test('stops at the most samples, however large the budget', async () => {
    const { entrant } = recorder();
    const [timing] = await interleave([entrant('a', 1)], { ...RULES, maxSamples: 5 });
    expect(timing.samples).toBe(5);
  });

  test('counts the first run of a slow entrant', async () => {
    const { calls, entrant } = recorder();
    const [{ samples, minMs }] = await interleave([entrant('slow', 2000)], RULES);
    expect(samples).toBe(3);
    expect(calls.filter((call) => call === 'slow')).toHaveLength(2);
    expect(minMs).toBeLessThan(2000);
  });

  test('is content with one run of a very slow entrant', async () => {
    const { calls, entrant } = recorder();
    const [timing] = await interleave([entrant('slower', 5000)], { ...RULES, budgetMs: 1000 });
    expect(timing).toEqual({ ms: 5000, minMs: 5000, samples: 1 });
    expect(calls).toEqual([]);
  });

  test('takes leave of an entrant that has used its share of the budget', async () => {
    const run = () => {
      for (const end = performance.now() + 0.2; performance.now() < end;);
    };
    const rules = { ...RULES, minSamples: 2, maxSamples: 1000, budgetMs: 2, sampleMs: 0 };
    const entrants = [1, 1].map((firstMs) => ({ runner: { run }, firstMs }));
    for (const { samples } of await interleave(entrants, rules)) {
      expect(samples).toBeGreaterThanOrEqual(2);
      expect(samples).toBeLessThanOrEqual(5);
    }
  });

  test('waits for asynchronous runs', async () => {
    const run = () => new Promise<void>((done) => setTimeout(done, 3));
    const [{ minMs }] = await interleave([{ runner: { run }, firstMs: 3 }], RULES);
    expect(minMs).toBeGreaterThan(1.5);
  });
});

test('the CPU clock does not count waiting', async () => {
  const run = () => new Promise<void>((done) => setTimeout(done, 300));
  expect(await timeRun({ run }, 'wall')).toBeGreaterThan(290);
  // Background compilation of the process counts too.
  expect(await timeRun({ run }, 'cpu')).toBeLessThan(200);
});

test('alternate pairs peers with ours and keeps the rest', () => {
  expect(alternate(['p', 'q'], ['a'])).toEqual(['p', 'a', 'q']);
  expect(alternate([], ['a', 'b'])).toEqual(['a', 'b']);
});

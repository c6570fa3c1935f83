import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { blocksForOne } from '../runner/kv_caches.js';
import { MemoryModel, nextToken, specsOf } from './fixtures.js';
import { longestText } from './pool_size.js';
import { ServingRequest } from './request.js';
import { Scheduler, type ScheduledRequest } from './scheduler.js';

const BLOCK_SIZE = 3;

function makeRequest(index: number, promptIds: number[], maxTokens: number): ServingRequest {
  const requestId = `request ${index}`;
  return new ServingRequest({
    index,
    requestId,
    promptIds,
    maxTokens,
    eosTokenIds: [0],
    blockSize: BLOCK_SIZE,
  });
}

/** What a request must say, whatever runs beside it. */
function continuation({ promptIds, maxTokens }: ServingRequest): number[] {
  const tokens = [...promptIds];
  do {
    tokens.push(nextToken(tokens));
  } while (tokens.length < promptIds.length + maxTokens && tokens.at(-1) !== 0);
  return tokens.slice(promptIds.length);
}

function open(numBlocks: number, maxNumSeqs: number, maxNumBatchedTokens: number, caching = true) {
  const model = new MemoryModel(specsOf(['full'], BLOCK_SIZE), numBlocks, BLOCK_SIZE, caching);
  const scheduler = new Scheduler(model.manager, { maxNumSeqs, maxNumBatchedTokens });
  const step = () => {
    const scheduled = scheduler.schedule();
    scheduler.update(scheduled, model.step(scheduled));
    return scheduled.map(({ request, start, count }) => [request.index, start, count]);
  };
  return { scheduler, step, manager: model.manager };
}

const anyRequest = fc.record({
  // Few different starts, so that many are shared.
  shared: fc.integer({ min: 0, max: 9 }),
  promptIds: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 12 }),
  maxTokens: fc.integer({ min: 1, max: 10 }),
  arrival: fc.integer({ min: 0, max: 20 }),
});
const anyServer = fc.record({
  kinds: fc.constantFrom(['full'], ['window'], ['full', 'window'], ['window', 'full', 'window']),
  spareBlocks: fc.integer({ min: 0, max: 12 }),
  maxNumSeqs: fc.integer({ min: 1, max: 6 }),
  maxNumBatchedTokens: fc.integer({ min: 1, max: 20 }),
  caching: fc.boolean(),
});

test('every request says what it says alone, in the budget, first come first served, and leaves no block', () => {
  const total = { preemptions: 0, hits: 0 };
  fc.assert(
    fc.property(
      fc.array(anyRequest, { minLength: 1, maxLength: 9 }),
      anyServer,
      (given, { kinds, spareBlocks, caching, ...limits }) => {
        const sorted = [...given].sort((a, b) => a.arrival - b.arrival);
        const requests = sorted.map(({ shared, promptIds, maxTokens }, index) =>
          makeRequest(
            index,
            [1, 2, 3, 1, 2, 3, 1, 2, 3].slice(0, shared).concat(promptIds),
            maxTokens,
          ),
        );
        const specs = specsOf(kinds, BLOCK_SIZE);
        const needed = requests.map((request) =>
          blocksForOne(specs, longestText(request), limits.maxNumBatchedTokens),
        );
        // The largest fits alone, and little more does.
        const numBlocks = Math.max(...needed) + spareBlocks;
        const model = new MemoryModel(specs, numBlocks, BLOCK_SIZE, caching);
        const scheduler = new Scheduler(model.manager, limits);
        const admitted: ServingRequest[] = [];
        const finished: ServingRequest[] = [];
        for (let time = 0; time <= 20 || scheduler.hasUnfinished; time++) {
          sorted.forEach(({ arrival }, i) => arrival === time && scheduler.add(requests[i]));
          const { preemptions } = scheduler.stats;
          const computed = new Map(requests.map((request) => [request, request.numComputedTokens]));
          const scheduled = scheduler.schedule();
          checkStep(scheduled, limits);
          // A step that takes blocks away lets nobody in.
          if (scheduler.stats.preemptions > preemptions) {
            for (const { request, start } of scheduled) {
              expect(start).toBeGreaterThan(0);
              expect(start).toBe(computed.get(request));
            }
          }
          for (const { request } of scheduled) {
            if (!admitted.includes(request)) admitted.push(request);
          }
          finished.push(...scheduler.update(scheduled, model.step(scheduled)));
        }
        expect(admitted).toEqual(requests);
        expect(new Set(finished)).toEqual(new Set(requests));
        for (const request of requests) expect(request.outputIds).toEqual(continuation(request));
        expect(model.manager.blockPool.getNumFreeBlocks()).toBe(numBlocks - 1);
        expect(scheduler.stats.hitTokens > 0 && !caching).toBe(false);
        total.preemptions += scheduler.stats.preemptions;
        total.hits += scheduler.stats.hitTokens;
      },
    ),
    { numRuns: 200 },
  );
  // Otherwise nothing of interest was tried.
  expect(total.preemptions).toBeGreaterThan(50);
  expect(total.hits).toBeGreaterThan(50);
});

function checkStep(
  scheduled: readonly ScheduledRequest[],
  limits: { maxNumSeqs: number; maxNumBatchedTokens: number },
): void {
  const tokens = scheduled.reduce((sum, { count }) => sum + count, 0);
  expect(tokens).toBeLessThanOrEqual(limits.maxNumBatchedTokens);
  expect(scheduled.length).toBeLessThanOrEqual(limits.maxNumSeqs);
  expect(new Set(scheduled.map(({ request }) => request)).size).toBe(scheduled.length);
  expect(scheduled.every(({ count }) => count > 0)).toBe(true);
}

describe('a step', () => {
  test('gives decodes their tokens first and fills up with a piece of a prompt', () => {
    const { scheduler, step } = open(50, 4, 6, false);
    scheduler.add(makeRequest(0, [1, 2, 3], 3));
    expect(step()).toEqual([[0, 0, 3]]);
    scheduler.add(makeRequest(1, [3, 3, 3, 3, 3, 3, 3, 3], 2));
    scheduler.add(makeRequest(2, [2, 1], 2));
    expect(step()).toEqual([
      [0, 3, 1],
      [1, 0, 5],
    ]);
    expect(step()).toEqual([
      [0, 4, 1],
      [1, 5, 3],
      [2, 0, 2],
    ]);
  });

  test('admits no more than maxNumSeqs', () => {
    const { scheduler, step } = open(50, 2, 100, false);
    for (let i = 0; i < 3; i++) scheduler.add(makeRequest(i, [1], 1));
    expect(step()).toHaveLength(2);
    expect(step()).toEqual([[2, 0, 1]]);
  });

  test('takes the last admitted request its blocks, which is the first to come back, with all it said', () => {
    // 4 blocks of 3 tokens: two requests of up to 7 fit side by side until the first needs a third block.
    const { scheduler, step } = open(5, 4, 100, false);
    const requests = [
      [1, 2, 3, 1, 1],
      [2, 2, 2, 2],
      [3, 1],
    ].map((promptIds, i) => makeRequest(i, promptIds, 4));
    requests.forEach((request) => scheduler.add(request));
    expect(step()).toEqual([
      [0, 0, 5],
      [1, 0, 4],
    ]);
    expect(step()).toEqual([
      [0, 5, 1],
      [1, 4, 1],
    ]);
    expect(step()).toEqual([[0, 6, 1]]);
    expect(requests.map(({ numPreemptions }) => numPreemptions)).toEqual([0, 1, 0]);
    // One free block does not do for the 6 tokens of request 1, and request 2 does not overtake it.
    expect(step()).toEqual([[0, 7, 1]]);
    expect(step()).toEqual([
      [1, 0, 6],
      [2, 0, 2],
    ]);
    while (scheduler.hasUnfinished) step();
    for (const request of requests) expect(request.outputIds).toEqual(continuation(request));
    expect(scheduler.stats).toMatchObject({
      preemptions: 1,
      startedTokens: 11,
      restartedTokens: 6,
    });
  });

  test('computes a shared start once, even in the step that computes it', () => {
    const { scheduler, step } = open(50, 4, 100);
    const start = [1, 2, 3, 4, 5, 6];
    for (let i = 0; i < 3; i++) scheduler.add(makeRequest(i, [...start, 7 + i], 2));
    expect(step()).toEqual([
      [0, 0, 7],
      [1, 6, 1],
      [2, 6, 1],
    ]);
    expect(scheduler.stats).toMatchObject({ startedTokens: 21, hitTokens: 12, computedTokens: 9 });
  });

  test('ends a request at its end token', () => {
    const { scheduler } = open(50, 4, 100);
    scheduler.add(makeRequest(0, [1, 2], 9));
    expect(scheduler.update(scheduler.schedule(), [5])).toEqual([]);
    const [finished] = scheduler.update(scheduler.schedule(), [0]);
    expect(finished.outputIds).toEqual([5, 0]);
    expect(scheduler.hasUnfinished).toBe(false);
    expect(scheduler.schedule()).toEqual([]);
  });

  test('of a request that does not fit even alone is an error, not a wait for ever', () => {
    const { scheduler, step } = open(3, 4, 100);
    scheduler.add(makeRequest(0, [1, 2, 3, 1, 2, 3], 5));
    expect(step()).toEqual([[0, 0, 6]]);
    expect(step).toThrow(
      /request 'request 0' with 7 tokens does not fit into the pool of 3 blocks/,
    );
  });
});

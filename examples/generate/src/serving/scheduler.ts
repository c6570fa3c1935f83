import { CapacityError, type KvCacheManager } from '@tfjs-attention/core';
import type { ServingRequest } from './request.js';

export interface SchedulerOptions {
  /** Requests that run at once, at most. */
  maxNumSeqs: number;
  /** Tokens of one step, at most. */
  maxNumBatchedTokens: number;
}

/** The next tokens of one request: `count` of them from `start` on. */
export interface ScheduledRequest {
  request: ServingRequest;
  start: number;
  count: number;
  /** Whether a new token follows from the last of them; otherwise more tokens are known already. */
  samples: boolean;
}

/** What has happened so far. */
export interface SchedulerStats {
  steps: number;
  computedTokens: number;
  /** Tokens that requests started with, and those of them found in the cache. */
  startedTokens: number;
  hitTokens: number;
  preemptions: number;
  /** Tokens that preempted requests started again with, and those of them still found in the cache. */
  restartedTokens: number;
  restartHitTokens: number;
}

/**
 * Decides what each step computes (vLLM's v1 scheduler). No phases: a request has tokens, so many of which are computed,
 * and a step computes the next ones of as many requests as tokens and blocks allow, those that run before those that wait.
 * Where blocks run out, the request admitted last gives up its own, is the first to wait, and computes its tokens again,
 * generated ones included.
 */
export class Scheduler {
  readonly stats: SchedulerStats = {
    steps: 0,
    computedTokens: 0,
    startedTokens: 0,
    hitTokens: 0,
    preemptions: 0,
    restartedTokens: 0,
    restartHitTokens: 0,
  };
  private readonly waiting: ServingRequest[] = [];
  private readonly running: ServingRequest[] = [];

  constructor(
    private readonly manager: KvCacheManager,
    private readonly options: SchedulerOptions,
  ) {}

  get hasUnfinished(): boolean {
    return this.waiting.length + this.running.length > 0;
  }

  add(request: ServingRequest): void {
    this.waiting.push(request);
  }

  /**
   * Gives the next step's tokens their blocks; empty where no request is left. After it the manager's block copies are due,
   * then the step, then {@link update}.
   *
   * @throws CapacityError where a request does not even fit alone.
   */
  schedule(): readonly ScheduledRequest[] {
    const preemptionsBefore = this.stats.preemptions;
    const scheduled = this.continueRunning();
    // Whoever waits would take the blocks that were just too few.
    if (this.stats.preemptions === preemptionsBefore) this.admitWaiting(scheduled);
    if (scheduled.length === 0 && this.hasUnfinished) {
      const { requestId, numTokens } = this.waiting[0];
      throw new CapacityError(
        `Scheduler.schedule: request '${requestId}' with ${numTokens} tokens does not fit into the pool of ` +
          `${this.manager.blockPool.numGpuBlocks} blocks even alone; make the pool larger or the request shorter`,
      );
    }
    return scheduled;
  }

  /**
   * Takes note that a step is done.
   *
   * @param sampledIds one new token for each entry of `scheduled` that samples, in order
   * @returns the requests that are finished; their blocks are free
   */
  update(
    scheduled: readonly ScheduledRequest[],
    sampledIds: ArrayLike<number>,
  ): readonly ServingRequest[] {
    const finished: ServingRequest[] = [];
    let sampled = 0;
    for (const { request, count, samples } of scheduled) {
      request.numComputedTokens += count;
      this.stats.computedTokens += count;
      if (!samples) continue;
      request.append([sampledIds[sampled++]]);
      if (!request.isFinished) continue;
      this.manager.free(request);
      this.running.splice(this.running.indexOf(request), 1);
      finished.push(request);
    }
    this.stats.steps++;
    return finished;
  }

  private continueRunning(): ScheduledRequest[] {
    const scheduled: ScheduledRequest[] = [];
    let budget = this.options.maxNumBatchedTokens;
    // Preemption shortens the list from its end, where nothing is scheduled yet.
    for (let i = 0; i < this.running.length && budget > 0; i++) {
      const request = this.running[i];
      const next = nextTokens(request, request.numComputedTokens, budget);
      if (!this.makeRoom(request, next.count)) break;
      scheduled.push(next);
      budget -= next.count;
    }
    return scheduled;
  }

  /** Preempts from the end until there is room; false where the request itself had to go. */
  private makeRoom(request: ServingRequest, count: number): boolean {
    while (this.manager.allocateSlots(request, count) === null) {
      const victim = this.running.pop() as ServingRequest;
      this.preempt(victim);
      if (victim === request) return false;
    }
    return true;
  }

  private preempt(request: ServingRequest): void {
    this.manager.free(request);
    request.numComputedTokens = 0;
    request.numPreemptions++;
    this.stats.preemptions++;
    this.waiting.unshift(request);
  }

  private admitWaiting(scheduled: ScheduledRequest[]): void {
    const { maxNumSeqs, maxNumBatchedTokens } = this.options;
    let budget = scheduled.reduce((left, { count }) => left - count, maxNumBatchedTokens);
    while (budget > 0 && this.running.length < maxNumSeqs && this.waiting.length > 0) {
      const [request] = this.waiting;
      const { blocks, numTokens } = this.manager.getComputedBlocks(request);
      const next = nextTokens(request, numTokens, budget);
      const hit = { newComputedBlocks: blocks, numNewComputedTokens: numTokens };
      // Nobody overtakes the first that waits.
      if (this.manager.allocateSlots(request, next.count, hit) === null) return;
      this.waiting.shift();
      this.running.push(request);
      request.numComputedTokens = numTokens;
      this.countStart(request, numTokens);
      scheduled.push(next);
      budget -= next.count;
    }
  }

  private countStart(request: ServingRequest, hitTokens: number): void {
    const { stats } = this;
    if (request.numPreemptions === 0) {
      stats.startedTokens += request.numTokens;
      stats.hitTokens += hitTokens;
    } else {
      stats.restartedTokens += request.numTokens;
      stats.restartHitTokens += hitTokens;
    }
  }
}

function nextTokens(request: ServingRequest, start: number, budget: number): ScheduledRequest {
  const count = Math.min(request.numTokens - start, budget);
  return { request, start, count, samples: start + count === request.numTokens };
}

// A language model without tensors, for tests of the scheduler: its cache holds, instead of keys, what they follow from.
import {
  FullAttentionSpec,
  KvCacheManager,
  makeKvCacheConfig,
  SlidingWindowSpec,
} from '@tfjs-attention/core';
import type { CacheSpecs } from '../runner/kv_caches.js';
import type { ServingRequest } from './request.js';
import type { ScheduledRequest } from './scheduler.js';

export const WINDOW = 5;

/** One layer a kind. */
export function specsOf(kinds: readonly ('full' | 'window')[], blockSize: number): CacheSpecs {
  const geometry = { blockSize, numKvHeads: 1, headSize: 8, dtype: 'float32' } as const;
  const entries = kinds.map((kind, i) => [
    `${kind} ${i}`,
    kind === 'full'
      ? new FullAttentionSpec(geometry)
      : new SlidingWindowSpec({ ...geometry, slidingWindow: WINDOW }),
  ]);
  return Object.fromEntries(entries) as CacheSpecs;
}

/** The token that follows: any, but always the same, and now and then the end token 0. */
export function nextToken(tokens: readonly number[]): number {
  return tokens.reduce((hash, token) => (hash * 31 + token + 7) % 1009, tokens.length) % 13;
}

export class MemoryModel {
  readonly manager: KvCacheManager;
  private readonly memory: string[];
  private readonly windows: (number | undefined)[];

  constructor(
    specs: CacheSpecs,
    numBlocks: number,
    private readonly blockSize: number,
    enableCaching = true,
  ) {
    const kvCacheConfig = makeKvCacheConfig(specs, { numBlocks });
    this.manager = new KvCacheManager({ kvCacheConfig, maxModelLen: 1000, enableCaching });
    this.memory = new Array<string>(numBlocks * blockSize).fill('unwritten');
    this.windows = kvCacheConfig.kvCacheGroups.map(({ kvCacheSpec: spec }) =>
      spec instanceof SlidingWindowSpec ? spec.slidingWindow : undefined,
    );
  }

  /** Runs a step, all writes before all reads; throws where a key that is seen is not in its place. */
  step(scheduled: readonly ScheduledRequest[]): number[] {
    for (const { request, start, count } of scheduled) {
      for (let p = start; p < start + count; p++) {
        this.windows.forEach((_, group) => {
          this.memory[this.slot(request, group, p)] = keyOf(request, group, p);
        });
      }
    }
    for (const { request, start, count } of scheduled)
      this.checkSeen(request, start, start + count);
    return scheduled
      .filter(({ samples }) => samples)
      .map(({ request }) => nextToken(request.allTokenIds));
  }

  private checkSeen(request: ServingRequest, start: number, end: number): void {
    this.windows.forEach((window, group) => {
      for (let p = window === undefined ? 0 : Math.max(0, start - window + 1); p < end; p++) {
        const held = this.memory[this.slot(request, group, p)];
        if (held !== keyOf(request, group, p)) {
          throw new Error(`${request.requestId}, group ${group}, position ${p}: found ${held}`);
        }
      }
    });
  }

  private slot({ requestId }: ServingRequest, group: number, position: number): number {
    const block = this.manager.getBlockIds(requestId)[group][Math.floor(position / this.blockSize)];
    return block * this.blockSize + (position % this.blockSize);
  }
}

/** A key follows from all tokens up to its own. */
function keyOf({ allTokenIds }: ServingRequest, group: number, position: number): string {
  return `${group}: ${allTokenIds.slice(0, position + 1).join()}`;
}

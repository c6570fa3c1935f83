import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makeKvCacheConfig } from './kv_cache_config.js';
import { KvCacheManager } from './kv_cache_manager.js';
import { KvCacheRequest } from './request.js';
import {
  ChunkedLocalAttentionSpec,
  FullAttentionSpec,
  RSWASpec,
  SlidingWindowSpec,
  type KvCacheSpec,
} from './spec.js';

const geometry = { blockSize: 3, numKvHeads: 1, headSize: 8 };
const [WINDOW, CHUNK] = [5, 4];
type FirstSeen = (position: number) => number;
const kinds: Record<string, { spec: KvCacheSpec; firstSeen: FirstSeen }> = {
  full: { spec: new FullAttentionSpec(geometry), firstSeen: () => 0 },
  rswa: {
    spec: new RSWASpec({ ...geometry, rswaWindow: WINDOW }),
    firstSeen: (position) => Math.max(0, position - WINDOW + 1),
  },
  window: {
    spec: new SlidingWindowSpec({ ...geometry, slidingWindow: WINDOW }),
    firstSeen: (position) => Math.max(0, position - WINDOW + 1),
  },
  chunk: {
    spec: new ChunkedLocalAttentionSpec({ ...geometry, attentionChunkSize: CHUNK }),
    firstSeen: (position) => position - (position % CHUNK),
  },
};

/**
 * A scheduler whose cache holds, instead of keys, the tokens that each key was computed from; every step checks that all
 * that its tokens attend to is there.
 */
class Server {
  readonly manager: KvCacheManager;
  readonly running: KvCacheRequest[] = [];
  private readonly memory: string[];
  private readonly names: string[];
  private count = 0;

  constructor(names: string[], numBlocks: number) {
    const specs = Object.fromEntries(names.map((name) => [name, kinds[name].spec]));
    const kvCacheConfig = makeKvCacheConfig(specs, { numBlocks });
    this.manager = new KvCacheManager({ kvCacheConfig, maxModelLen: 1000 });
    this.memory = new Array<string>(numBlocks * geometry.blockSize).fill('unwritten');
    this.names = kvCacheConfig.kvCacheGroups.map(({ layerNames }) => layerNames[0]);
  }

  start(tokens: number[], rswaPrefixLen: number): void {
    const name = `r${this.count++}`;
    const request = new KvCacheRequest(name, tokens, { ...geometry, rswaPrefixLen });
    const { blocks, numTokens } = this.manager.getComputedBlocks(request);
    const options = { newComputedBlocks: blocks, numNewComputedTokens: numTokens };
    const numNew = Math.min(4, request.numTokens - numTokens);
    if (this.manager.allocateSlots(request, numNew, options) === null) return;
    request.numComputedTokens = numTokens;
    this.running.push(request);
    this.compute(request, numNew);
  }

  step(request: KvCacheRequest, token: number): void {
    if (request.numComputedTokens === request.numTokens) request.append([token]);
    const numNew = Math.min(4, request.numTokens - request.numComputedTokens);
    if (this.manager.allocateSlots(request, numNew) === null) this.stop(request);
    else this.compute(request, numNew);
  }

  fork(parent: KvCacheRequest): void {
    const { rswaPrefixLen } = parent;
    const options = { ...geometry, rswaPrefixLen };
    const child = new KvCacheRequest(`r${this.count++}`, parent.allTokenIds, options);
    this.manager.fork(parent, child);
    child.numComputedTokens = parent.numComputedTokens;
    this.running.push(child);
  }

  stop(request: KvCacheRequest): void {
    this.manager.free(request);
    this.running.splice(this.running.indexOf(request), 1);
  }

  private compute(request: KvCacheRequest, numNew: number): void {
    const { blockSize } = geometry;
    for (const [from, to] of this.manager.takeBlockCopies().flat()) {
      for (let i = 0; i < blockSize; i++) {
        this.memory[to * blockSize + i] = this.memory[from * blockSize + i];
      }
    }
    const end = request.numComputedTokens + numNew;
    const text = request.allTokenIds.map((_, j) => request.allTokenIds.slice(0, j + 1).join());
    this.manager.getBlockIds(request.requestId).forEach((table, group) => {
      const slot = (j: number) => table[Math.floor(j / blockSize)] * blockSize + (j % blockSize);
      const { rswaPrefixLen = 0 } = request;
      const prefix = this.names[group] === 'rswa' ? rswaPrefixLen : 0;
      const content = (j: number) => `${group}: ${text[j]}${j < prefix ? '' : ` after ${prefix}`}`;
      for (let p = request.numComputedTokens; p < end; p++) {
        expect(slot(p)).toBeGreaterThanOrEqual(blockSize);
        this.memory[slot(p)] = content(p);
      }
      const first = kinds[this.names[group]].firstSeen(request.numComputedTokens);
      for (let j = 0; j < end; j++) {
        if (j < prefix || j >= first) expect(this.memory[slot(j)]).toBe(content(j));
      }
    });
    request.numComputedTokens = end;
  }
}

type Action =
  | { kind: 'start'; prompt: number; length: number; prefix: number }
  | { kind: 'step'; pick: number; token: number }
  | { kind: 'fork'; pick: number }
  | { kind: 'stop'; pick: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ kind: fc.constant('start' as const), prompt: fc.nat(2), length: fc.integer({ min: 1, max: 14 }), prefix: fc.nat(7) }), // prettier-ignore
  { arbitrary: fc.record({ kind: fc.constant('step' as const), pick: fc.nat(9), token: fc.nat(1) }), weight: 5 }, // prettier-ignore
  fc.record({ kind: fc.constant('fork' as const), pick: fc.nat(9) }),
  fc.record({ kind: fc.constant('stop' as const), pick: fc.nat(9) }),
);

function perform(server: Server, next: Action): void {
  if (next.kind === 'start') {
    // Prompts share prefixes: they differ from one token on only.
    server.start(
      Array.from({ length: next.length }, (_, i) => (i < 4 * next.prompt ? 7 : next.prompt)),
      next.prefix,
    );
    return;
  }
  if (server.running.length === 0) return;
  const request = server.running[next.pick % server.running.length];
  switch (next.kind) {
    case 'step':
      return server.step(request, next.token);
    case 'fork':
      return server.fork(request);
    case 'stop':
      return server.stop(request);
    default:
      next satisfies never;
  }
}

test.each([
  [['full']],
  [['window']],
  [['chunk']],
  [['rswa']],
  [['full', 'window', 'chunk']],
  [['rswa', 'full']],
])('whatever is started, stepped, forked and stopped, %j attend to their own tokens', (names) => {
  let hits = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 8, max: 30 }),
      fc.array(action, { maxLength: 60 }),
      (numBlocks, actions) => {
        const server = new Server(names, numBlocks);
        const { blockPool } = server.manager;
        for (const next of actions) {
          perform(server, next);
          const held = new Map<number, number>();
          for (const { requestId } of server.running) {
            const ids = server.manager
              .getBlockIds(requestId)
              .flat()
              .filter((id) => id > 0);
            expect(new Set(ids).size).toBe(ids.length);
            ids.forEach((id) => held.set(id, (held.get(id) ?? 0) + 1));
          }
          const counts = blockPool.blocks.slice(1).map((block) => block.refCnt);
          expect(counts).toEqual(counts.map((_, i) => held.get(i + 1) ?? 0));
          expect(blockPool.getNumFreeBlocks()).toBe(numBlocks - 1 - held.size);
        }
        hits += server.manager.takePrefixCacheStats().hits;
        while (server.running.length > 0) server.stop(server.running[0]);
        expect(server.manager.usage).toBe(0);
        expect(server.manager.resetPrefixCache()).toBe(true);
      },
    ),
    { numRuns: 150 },
  );
  expect(hits).toBeGreaterThan(0);
});

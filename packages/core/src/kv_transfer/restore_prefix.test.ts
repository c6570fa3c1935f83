import '@tensorflow/tfjs-backend-cpu';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { AttentionError, InvalidArgumentError } from '../errors.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { FullAttentionSpec, SlidingWindowSpec } from '../kv_cache/spec.js';
import { TinyModel } from '../layers/tiny_model.js';
import type { KvCacheDtype } from '../problem/params.js';
import { FileKvStore } from './node.js';
import { MemoryKvStore, type KvStore } from './store.js';
import { KvStoreConnector } from './store_connector.js';

const PROMPT = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5];
const BLOCKS = [4, 1, 7, 2, 6];
const OTHER_BLOCKS = [2, 5, 0, 3, 7];

let folder: string;
beforeAll(() => {
  tf.env().set('IS_TEST', true);
  return tf.setBackend('cpu');
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kv-'));
});
afterEach(() => rm(folder, { recursive: true }));

interface World {
  model: TinyModel;
  connector: KvStoreConnector;
  kvCaches: Record<string, KvCache>;
}

/** A process of its own, as it were: only the store is shared. */
function world(store: KvStore, name = 'tiny', dtype?: KvCacheDtype): World {
  const model = new TinyModel(7);
  const connector = new KvStoreConnector({ store, model: name });
  const kvCaches = model.caches(8, 3, dtype);
  connector.registerKvCaches(kvCaches);
  return { model, connector, kvCaches };
}

/** Serves one request as a scheduler would; returns its tokens and how many of the prompt were loaded. */
async function serve(
  { model, connector, kvCaches }: World,
  tokenIds: number[],
  blocks: number[],
  requestId = 'a',
) {
  const request = { requestId, tokenIds };
  const loaded = await connector.getNumNewMatchedTokens(request, 0);
  connector.updateStateAfterAlloc(request, blocks, loaded);
  const numScheduledTokens = tokenIds.length - loaded;
  const step = { ...request, blockIds: blocks, numComputedTokens: loaded, numScheduledTokens };
  connector.bindConnectorMetadata(connector.buildConnectorMeta([step]));
  await connector.startLoadKv();
  const first = model.generate(tokenIds, loaded, 1, kvCaches, blocks, { kvConnector: connector });
  await connector.waitForSave();
  connector.clearConnectorMetadata();
  const all = [...tokenIds, ...first];
  const rest = model.generate(all, tokenIds.length, 3, kvCaches, blocks);
  return { loaded, tokens: [...first, ...rest] };
}

const stores: [string, () => KvStore][] = [
  ['in memory', () => new MemoryKvStore()],
  ['in files', () => new FileKvStore(folder)],
];

describe.each(stores)('%s', (_, makeStore) => {
  test('a prefix that was saved is not computed again, and the tokens are the same', async () => {
    const store = makeStore();
    const before = world(store);
    const expected = await serve(before, PROMPT, BLOCKS);
    expect(expected.loaded).toBe(0);
    expect(before.model.computed).toBe(PROMPT.length + 3);

    const after = world(store);
    const restored = await serve(after, PROMPT, OTHER_BLOCKS);
    expect(restored).toEqual({ loaded: 9, tokens: expected.tokens });
    expect(after.model.computed).toBe(2 + 3);

    const { model, kvCaches } = world(store);
    const unrestored = model.generate(PROMPT, 9, 4, kvCaches, OTHER_BLOCKS);
    expect(unrestored).not.toEqual(expected.tokens);
  });

  test('prompts share what they begin with, block by block', async () => {
    const store = makeStore();
    await serve(world(store), PROMPT, BLOCKS);
    const other = [...PROMPT.slice(0, 7), 11, 12, 13, 14];
    const alone = await serve(world(makeStore === stores[1][1] ? new MemoryKvStore() : makeStore()), other, BLOCKS); // prettier-ignore
    const shared = await serve(world(store), other, OTHER_BLOCKS);
    expect(shared).toEqual({ loaded: 6, tokens: alone.tokens });
  });

  test('a prompt that is kept whole still computes its last token', async () => {
    const store = makeStore();
    const nine = PROMPT.slice(0, 9);
    const expected = await serve(world(store), nine, BLOCKS);
    const restored = await serve(world(store), nine, OTHER_BLOCKS);
    expect(restored).toEqual({ loaded: 6, tokens: expected.tokens });
  });

  test.each(['float16', 'fp8_e4m3', 'int8_per_token_head'] as const)('%s codes', async (dtype) => {
    const store = makeStore();
    const [one, two] = [world(store, 'tiny', dtype), world(store, 'tiny', dtype)];
    const expected = await serve(one, PROMPT, BLOCKS);
    expect(await serve(two, PROMPT, OTHER_BLOCKS)).toEqual({ ...expected, loaded: 9 });
  });
});

describe('what is another thing is not found', () => {
  test.each([
    ['another model', 'other', undefined],
    ['another cache type', 'tiny', 'float16'],
  ] as const)('%s', async (_, name, dtype) => {
    const store = new MemoryKvStore();
    await serve(world(store), PROMPT, BLOCKS);
    const { connector } = world(store, name, dtype);
    expect(await connector.getNumNewMatchedTokens({ requestId: 'a', tokenIds: PROMPT }, 0)).toBe(0);
  });

  test('other tokens before a block', async () => {
    const store = new MemoryKvStore();
    const { connector } = world(store);
    await serve(world(store), PROMPT, BLOCKS);
    const tokenIds = [8, ...PROMPT.slice(1)];
    expect(await connector.getNumNewMatchedTokens({ requestId: 'a', tokenIds }, 0)).toBe(0);
  });

  test('another adapter or image', async () => {
    const store = new MemoryKvStore();
    const { connector } = world(store);
    await serve(world(store), PROMPT, BLOCKS);
    const found = (extraKeys?: string[]) =>
      connector.getNumNewMatchedTokens({ requestId: 'a', tokenIds: PROMPT, extraKeys }, 0);
    expect(await found()).toBeGreaterThan(0);
    expect(await found(['adapter-2'])).toBe(0);
  });

  test('tokens that the cache has already are not counted', async () => {
    const store = new MemoryKvStore();
    const { connector } = world(store);
    await serve(world(store), PROMPT, BLOCKS);
    const request = { requestId: 'a', tokenIds: PROMPT };
    expect(await connector.getNumNewMatchedTokens(request, 6)).toBe(3);
    expect(await connector.getNumNewMatchedTokens(request, 9)).toBe(0);
  });
});

describe('order and damage', () => {
  test('a layer that runs before its keys are there throws', async () => {
    const store = new MemoryKvStore();
    await serve(world(store), PROMPT, BLOCKS);
    const { model, connector, kvCaches } = world(store);
    const request = { requestId: 'a', tokenIds: PROMPT };
    connector.updateStateAfterAlloc(request, BLOCKS, 9);
    const step = { ...request, blockIds: BLOCKS, numComputedTokens: 9, numScheduledTokens: 2 };
    connector.bindConnectorMetadata(connector.buildConnectorMeta([step]));
    const early = () => model.generate(PROMPT, 9, 1, kvCaches, BLOCKS, { kvConnector: connector });
    expect(early).toThrow(AttentionError);
    expect(early).toThrow(/'layers\.0\.attn' runs before its keys are loaded.*startLoadKv/);
    await connector.startLoadKv();
    expect(early()).toHaveLength(1);
  });

  test('a file that was cut off changes no cache', async () => {
    const store = new FileKvStore(folder);
    await serve(world(store), PROMPT, BLOCKS);
    for (const file of await readdir(folder)) {
      const bytes = await readFile(join(folder, file));
      await writeFile(join(folder, file), bytes.subarray(0, bytes.length - 1));
    }
    const { model, connector, kvCaches } = world(store);
    const later = () => serve({ model, connector, kvCaches }, PROMPT, OTHER_BLOCKS);
    await expect(later).rejects.toThrow(InvalidArgumentError);
    await expect(later).rejects.toThrow(/cut off/);
    for (const cache of Object.values(kvCaches)) {
      expect(
        cache
          .toTensors()
          .key.dataSync()
          .every((x) => x === 0),
      ).toBe(true);
    }
  });

  test('files are one safetensors file a block, without leftovers', async () => {
    await serve(world(new FileKvStore(folder)), PROMPT, BLOCKS);
    const files = await readdir(folder);
    expect(files).toHaveLength(3);
    files.forEach((file) => expect(file).toMatch(/^[0-9a-f]{64}\.safetensors$/));
  });

  test('a request that ends loads nothing any more', () => {
    const { connector } = world(new MemoryKvStore());
    connector.updateStateAfterAlloc({ requestId: 'a', tokenIds: PROMPT }, BLOCKS, 9);
    connector.requestFinished('a');
    const step = { requestId: 'a', tokenIds: PROMPT, blockIds: BLOCKS, numComputedTokens: 9, numScheduledTokens: 1 }; // prettier-ignore
    expect(connector.buildConnectorMeta([step])).toEqual({ loads: [], stores: [] });
  });

  test('layers of several kinds have several block tables, so they are refused', () => {
    const geometry = { blockSize: 3, numKvHeads: 1, headSize: 4 };
    const kvCaches = {
      full: new KvCache(new FullAttentionSpec(geometry), { numBlocks: 2 }),
      local: new KvCache(new SlidingWindowSpec({ ...geometry, slidingWindow: 3 }), {
        numBlocks: 2,
      }),
    };
    const connector = new KvStoreConnector({ store: new MemoryKvStore(), model: 'm' });
    expect(() => connector.registerKvCaches(kvCaches)).toThrow(/'full' and 'local' keep keys/);
    Object.values(kvCaches).forEach((cache) => cache.dispose());
  });

  test('too few blocks for what shall be loaded', () => {
    const { connector } = world(new MemoryKvStore());
    const call = () =>
      connector.updateStateAfterAlloc({ requestId: 'a', tokenIds: PROMPT }, [1], 9);
    expect(call).toThrow(/'a' cannot load 9 tokens after 0 into 1 blocks of 3/);
    const unregistered = new KvStoreConnector({ store: new MemoryKvStore(), model: 'm' });
    const early = unregistered.getNumNewMatchedTokens({ requestId: 'a', tokenIds: PROMPT }, 0);
    return expect(early).rejects.toThrow(/registerKvCaches first/);
  });
});

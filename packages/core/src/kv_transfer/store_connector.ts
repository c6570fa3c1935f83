import { AttentionError, UnsupportedError } from '../errors.js';
import { hashBlockTokens, NONE_HASH, type BlockHash } from '../kv_cache/block_hash.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import type { KvBlockBytes } from '../kv_cache/layout.js';
import { sha256 } from '../kv_cache/sha256.js';
import { check } from '../problem/checks.js';
import { layoutText, readBlockFile, writeBlockFile, type LayerBlock } from './block_file.js';
import {
  KvConnector,
  type KvBlockMove,
  type KvConnectorMetadata,
  type KvRequest,
  type ScheduledKvRequest,
} from './connector.js';
import { readSafetensors } from './safetensors.js';
import type { KvStore } from './store.js';

const OP = 'KvStoreConnector';

export interface KvStoreConnectorOptions {
  store: KvStore;
  /** Which model computed the keys: another model's are never found. */
  model: string;
}

/** Bytes of one layer's blocks, taken while the step ran. */
interface Taken {
  keys: readonly string[];
  layerName: string;
  cache: KvCache;
  bytes: Promise<KvBlockBytes> | KvBlockBytes;
}

/**
 * Keeps full blocks by the tokens that led to them, and finds them again (vLLM `SharedStorageConnector`): over
 * `MemoryKvStore` within a process, over `FileKvStore` across processes. A key names model, cache layouts, a request's extra
 * keys and every token up to the block's end, so a prefix shared by two prompts is kept once, and a cache of another type finds nothing.
 *
 * ```js
 * const connector = new KvStoreConnector({store: new MemoryKvStore(), model: 'my-model'});
 * connector.registerKvCaches(kvCaches);
 * await connector.getNumNewMatchedTokens({requestId: 'a', tokenIds}, 0);  // 16 of 17 tokens, where block 0 is kept
 * ```
 */
export class KvStoreConnector extends KvConnector {
  private readonly store: KvStore;
  private readonly model: string;
  private kvCaches: Readonly<Record<string, KvCache>> = {};
  private blockSize = 0;
  private root = NONE_HASH;
  private readonly pendingLoads = new Map<string, KvBlockMove>();
  private taken: Taken[] = [];
  /** The metadata whose loads have arrived. */
  private loaded: KvConnectorMetadata | null = null;

  constructor({ store, model }: KvStoreConnectorOptions) {
    super();
    check(
      typeof model === 'string' && model !== '',
      OP,
      'model must be a name, got ' + String(model),
    );
    this.store = store;
    this.model = model;
  }

  override registerKvCaches(kvCaches: Readonly<Record<string, KvCache>>): void {
    const layouts = Object.entries(kvCaches).map(([name, { layout }]) => ({ name, layout }));
    check(layouts.length > 0, OP, 'registerKvCaches needs at least one cache');
    const sizes = new Set(layouts.map(({ layout }) => layout.blockSize));
    check(
      sizes.size === 1,
      OP,
      `all caches must have one block size, got ${[...sizes].join(', ')}`,
    );
    checkOneKind(Object.entries(kvCaches));
    layouts.sort((a, b) => (a.name < b.name ? -1 : 1));
    const text = layouts.map(({ name, layout }) => `${name} ${layoutText(layout)}`).join('\n');
    this.kvCaches = { ...kvCaches };
    this.blockSize = layouts[0].layout.blockSize;
    this.root = sha256(new TextEncoder().encode(`${this.model}\n${text}`)) as BlockHash;
  }

  override async getNumNewMatchedTokens(
    request: KvRequest,
    numComputedTokens: number,
  ): Promise<number> {
    const first = Math.floor(numComputedTokens / this.registered());
    // Without its last token a request would have no logits.
    const keys = this.keysOf(request, request.tokenIds.length - 1);
    let found = first;
    while (found < keys.length && (await this.store.has(keys[found]))) found++;
    return Math.max(found * this.blockSize - numComputedTokens, 0);
  }

  override updateStateAfterAlloc(
    request: KvRequest,
    blockIds: ArrayLike<number>,
    numExternalTokens: number,
    numComputedTokens = 0,
  ): void {
    if (numExternalTokens === 0) return;
    const { requestId } = request;
    const size = this.registered();
    const end = (numComputedTokens + numExternalTokens) / size;
    check(
      Number.isInteger(end) && end <= blockIds.length,
      OP,
      `request '${requestId}' cannot load ${numExternalTokens} tokens after ${numComputedTokens} into ${blockIds.length} blocks of ${size}`,
    );
    const first = Math.floor(numComputedTokens / size);
    const keys = this.keysOf(request, end * size);
    this.pendingLoads.set(requestId, move(requestId, keys, blockIds, first, end));
  }

  override buildConnectorMeta(scheduled: readonly ScheduledKvRequest[]): KvConnectorMetadata {
    const size = this.registered();
    const loads: KvBlockMove[] = [];
    const stores: KvBlockMove[] = [];
    for (const request of scheduled) {
      const { requestId, blockIds, numComputedTokens, numScheduledTokens } = request;
      const load = this.pendingLoads.get(requestId);
      if (load !== undefined) loads.push(load);
      this.pendingLoads.delete(requestId);
      const first = Math.floor(numComputedTokens / size);
      const end = Math.floor((numComputedTokens + numScheduledTokens) / size);
      if (end <= first) continue;
      const keys = this.keysOf(request, end * size);
      stores.push(move(requestId, keys, blockIds, first, end));
    }
    return { loads, stores };
  }

  override requestFinished(requestId: string): void {
    this.pendingLoads.delete(requestId);
  }

  override async startLoadKv(): Promise<void> {
    const metadata = this.getConnectorMetadata();
    // Everything is read before anything is written: a missing or broken block changes no cache.
    const reads = (metadata?.loads ?? []).flatMap((load) => this.readBlocks(load));
    for (const { blockId, layers } of await Promise.all(reads)) {
      for (const [name, bytes] of layers) {
        this.kvCaches[name].storageFor(OP).writeBlocks([blockId], bytes);
      }
    }
    this.loaded = metadata;
  }

  override waitForLayerLoad(layerName: string): void {
    const metadata = this.getConnectorMetadata();
    if (metadata === null || metadata.loads.length === 0 || metadata === this.loaded) return;
    throw new AttentionError(
      `${OP}: layer '${layerName}' runs before its keys are loaded; await startLoadKv() before the forward pass`,
    );
  }

  override saveKvLayer(layerName: string, cache: KvCache): void {
    for (const { blockKeys, blockIds } of this.getConnectorMetadata()?.stores ?? []) {
      const bytes = cache.storageFor(OP).readBlocks(blockIds);
      this.taken.push({ keys: blockKeys, layerName, cache, bytes });
    }
  }

  override async waitForSave(): Promise<void> {
    const taken = this.taken;
    this.taken = [];
    const files = new Map<string, Record<string, LayerBlock>>();
    for (const { keys, layerName, cache, bytes } of taken) {
      const all = await bytes;
      keys.forEach((key, i) => {
        const layers = files.get(key) ?? {};
        files.set(key, layers);
        layers[layerName] = { layout: cache.layout, bytes: nthBlock(all, i, keys.length) };
      });
    }
    const names = Object.keys(this.kvCaches);
    for (const [key, layers] of files) {
      // A block that not every layer wrote is of no use to a later prompt.
      const complete = names.every((name) => Object.hasOwn(layers, name));
      if (complete && !(await this.store.has(key))) {
        await this.store.write(key, writeBlockFile(layers));
      }
    }
  }

  private readBlocks({ blockKeys, blockIds }: KvBlockMove) {
    return blockKeys.map(async (key, i) => {
      const file = await this.store.read(key);
      check(file !== undefined, OP, `block ${key} is gone from the store`);
      const tensors = readSafetensors(file);
      const layers = Object.entries(this.kvCaches).map(
        ([name, { layout }]) => [name, readBlockFile(key, tensors, name, layout)] as const,
      );
      return { blockId: blockIds[i], layers };
    });
  }

  private registered(): number {
    check(this.blockSize > 0, OP, 'no cache is registered; call registerKvCaches first');
    return this.blockSize;
  }

  /** Keys of the full blocks among the first `numTokens` tokens: each hashes the one before and its own tokens. */
  private keysOf({ tokenIds, extraKeys }: KvRequest, numTokens: number): string[] {
    const size = this.registered();
    const keys: string[] = [];
    let before = this.root;
    for (let end = size; end <= Math.min(numTokens, tokenIds.length); end += size) {
      const tokens = Array.from({ length: size }, (_, i) => tokenIds[end - size + i]);
      before = hashBlockTokens(before, tokens, extraKeys);
      keys.push(before);
    }
    return keys;
  }
}

function move(
  requestId: string,
  keys: readonly string[],
  blockIds: ArrayLike<number>,
  first: number,
  end: number,
): KvBlockMove {
  const ids = Array.from(blockIds).slice(first, end);
  check(
    ids.length === end - first,
    OP,
    `request '${requestId}' has ${blockIds.length} blocks, its tokens fill ${end}`,
  );
  return { requestId, blockKeys: keys.slice(first, end), blockIds: ids };
}

function nthBlock(all: KvBlockBytes, i: number, count: number): KvBlockBytes {
  const part = <T extends Uint8Array | Float32Array>(array: T): T => {
    const size = array.length / count;
    return array.slice(i * size, (i + 1) * size) as T;
  };
  const { keyScales, valueScales } = all;
  return {
    key: part(all.key),
    value: part(all.value),
    ...(keyScales && { keyScales: part(keyScales) }),
    ...(valueScales && { valueScales: part(valueScales) }),
  };
}

/** A request brings one list of blocks, but layers of several kinds have a block table each. */
function checkOneKind(caches: readonly (readonly [name: string, cache: KvCache])[]): void {
  const [[firstName, { spec: first }]] = caches;
  const other = caches.find(([, { spec }]) => spec.constructor !== first.constructor);
  if (other === undefined) return;
  throw new UnsupportedError(`${OP}: registerKvCaches`, [
    `'${firstName}' and '${other[0]}' keep keys of different kinds (${first.constructor.name}, ${other[1].spec.constructor.name}) ` +
      'and so have block tables of their own; give each kind a connector of its own',
  ]);
}

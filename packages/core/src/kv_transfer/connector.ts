import type { AttentionMetadata } from '../backends/metadata.js';
import type { ForwardContext } from '../forward_context.js';
import type { ExtraKeys } from '../kv_cache/block_hash.js';
import type { KvCache } from '../kv_cache/kv_cache.js';

/** A request, as far as moving its keys goes. */
export interface KvRequest {
  requestId: string;
  /** Every token known so far, prompt first. */
  tokenIds: ArrayLike<number>;
  /** What decides the keys beside the tokens, for every block: an adapter's name, an image's digest, a tenant's salt. */
  extraKeys?: ExtraKeys;
}

/** One request's share of a step. */
export interface ScheduledKvRequest extends KvRequest {
  /** Blocks that hold its tokens, from position 0. */
  blockIds: ArrayLike<number>;
  /** Tokens whose keys were in the cache before this step, loaded ones included. */
  numComputedTokens: number;
  /** Tokens that this step computes. */
  numScheduledTokens: number;
}

/** Blocks that go in or out in one step: entry i of the three belongs together. */
export interface KvBlockMove {
  requestId: string;
  /** What the blocks hold, in words that another process understands. */
  blockKeys: readonly string[];
  blockIds: readonly number[];
}

/** What the planning side of a connector tells the side that has the caches (vLLM `KVConnectorMetadata`). */
export interface KvConnectorMetadata {
  loads: readonly KvBlockMove[];
  stores: readonly KvBlockMove[];
}

/**
 * Moves keys and values between caches and elsewhere (vLLM `KVConnectorBase_V1`). One step is: `getNumNewMatchedTokens`
 * and `updateStateAfterAlloc` for new requests, `buildConnectorMeta`, `bindConnectorMetadata`, await `startLoadKv`, the
 * model's forward pass (its layers call `waitForLayerLoad` and `saveKvLayer`), await `waitForSave`,
 * `clearConnectorMetadata`. Only what JavaScript cannot do synchronously returns a promise.
 */
export abstract class KvConnector {
  private metadata: KvConnectorMetadata | null = null;

  bindConnectorMetadata(metadata: KvConnectorMetadata): void {
    this.metadata = metadata;
  }

  clearConnectorMetadata(): void {
    this.metadata = null;
  }

  hasConnectorMetadata(): boolean {
    return this.metadata !== null;
  }

  /** What is bound, or null between steps. */
  getConnectorMetadata(): KvConnectorMetadata | null {
    return this.metadata;
  }

  /** Makes the caches known, by layer name. */
  abstract registerKvCaches(kvCaches: Readonly<Record<string, KvCache>>): void;

  /** Starts the loads that are bound; resolves when all layers have them. */
  abstract startLoadKv(context?: ForwardContext): Promise<void>;

  /** Called before a layer reads its cache. @throws AttentionError where the load has not ended: await `startLoadKv`. */
  abstract waitForLayerLoad(layerName: string): void;

  /** Called after a layer wrote its cache: takes what is to be kept of it, as it is now. */
  abstract saveKvLayer(
    layerName: string,
    kvCache: KvCache,
    attnMetadata: AttentionMetadata | null,
  ): void;

  /** Resolves when everything that was taken is kept; rejects where keeping failed. */
  abstract waitForSave(): Promise<void>;

  /** Tokens beyond `numComputedTokens` whose keys can be loaded; the last token of a request is always computed. */
  abstract getNumNewMatchedTokens(request: KvRequest, numComputedTokens: number): Promise<number>;

  /** Tells which blocks the request got, and how many tokens after the first `numComputedTokens` shall be loaded. */
  abstract updateStateAfterAlloc(
    request: KvRequest,
    blockIds: ArrayLike<number>,
    numExternalTokens: number,
    numComputedTokens?: number,
  ): void;

  /** What this step loads and stores; forgets the loads that it lists. */
  abstract buildConnectorMeta(scheduled: readonly ScheduledKvRequest[]): KvConnectorMetadata;

  /** A request ended or was dropped: nothing of it is loaded any more. */
  abstract requestFinished(requestId: string): void;
}

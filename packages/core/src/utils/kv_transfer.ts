import type { AttentionMetadata } from '../backends/metadata.js';
import { getForwardContext, metadataFor, kvCacheFor } from '../forward_context.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import type { KvConnector } from '../kv_transfer/connector.js';
import { activeConnector } from '../kv_transfer/group.js';

/** Waits for a layer's keys, runs, and offers what was written: what every op over a cache does. */
export function transferringLayer<R>(
  connector: KvConnector,
  layerName: string,
  kvCache: KvCache,
  attnMetadata: AttentionMetadata,
  run: () => R,
): R {
  connector.waitForLayerLoad(layerName);
  const result = run();
  connector.saveKvLayer(layerName, kvCache, attnMetadata);
  return result;
}

/**
 * Wraps a function of one attention layer so that keys travel around it (vLLM `maybe_transfer_kv_layer`): without a
 * connector, without metadata, or with a connector that has no work in this step, it is called as it is.
 *
 * ```js
 * const attend = maybeTransferKvLayer((q, k, v, layerName) => ..., (_q, _k, _v, layerName) => layerName);
 * ```
 *
 * @param layerNameOf which layer a call is for
 */
export function maybeTransferKvLayer<Args extends readonly unknown[], R>(
  func: (...args: Args) => R,
  layerNameOf: (...args: Args) => string,
): (...args: Args) => R {
  return (...args) => {
    const context = getForwardContext();
    const connector = activeConnector(context);
    if (context === undefined || connector === null) return func(...args);
    const layerName = layerNameOf(...args);
    const metadata = metadataFor(context, layerName);
    if (metadata === null) return func(...args);
    const bound = context.noCompileLayers?.[layerName] as { kvCache?: KvCache[] } | undefined;
    const cache = kvCacheFor(context, layerName, null, bound?.kvCache);
    return transferringLayer(connector, layerName, cache, metadata, () => func(...args));
  };
}

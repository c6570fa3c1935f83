import { InvalidArgumentError } from '../errors.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { extractLayerIndex } from './layer_index.js';

/** A layer that holds its caches: one a virtual engine. */
export interface CacheHolder {
  kvCache: KvCache[];
}

/**
 * Gives every layer its cache, and lists the caches in the order of the layers' numbers (vLLM `bind_kv_cache`). Layers of
 * one number stay in the order of `kvCaches`. A bound cache serves contexts that name none for the layer.
 *
 * ```js
 * bindKvCache({'layers.1.attn': b, 'layers.0.attn': a}, staticForwardContext);  // [a, b]
 * ```
 *
 * @throws InvalidArgumentError where a name has no layer; nothing is bound then.
 */
export function bindKvCache(
  kvCaches: Readonly<Record<string, KvCache>>,
  layers: Readonly<Record<string, object>>,
): KvCache[] {
  const names = Object.keys(kvCaches);
  const numbers = new Map(names.map((name) => [name, extractLayerIndex(name)]));
  for (const name of names) {
    if (Object.hasOwn(layers, name) && 'kvCache' in layers[name]) continue;
    throw new InvalidArgumentError(
      `bindKvCache: there is no attention layer '${name}' (there are ${Object.keys(layers).join(', ') || 'none'})`,
    );
  }
  for (const name of names) (layers[name] as CacheHolder).kvCache = [kvCaches[name]];
  const order = (name: string) => numbers.get(name) ?? 0;
  return [...names].sort((a, b) => order(a) - order(b)).map((name) => kvCaches[name]);
}

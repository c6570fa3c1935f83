import { zeros, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import { isCacheless } from '../backends/attention_type.js';
import type { AttentionImpl, AttentionLayer } from '../backends/impl.js';
import type { AttentionMetadata } from '../backends/metadata.js';
import { MissingMetadataError } from '../errors.js';
import {
  getForwardContext,
  kvCacheFor,
  metadataFor,
  type ForwardContext,
} from '../forward_context.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { activeConnector } from '../kv_transfer/group.js';
import { transferringLayer } from '../utils/kv_transfer.js';
import type { AttentionConfig } from './attention_config.js';

/** What an attention layer is to the functions that run it. */
export interface ContextLayer extends AttentionLayer {
  readonly name: string;
  readonly config: Pick<
    AttentionConfig,
    'numHeads' | 'valueHeadSize' | 'attnType' | 'kvSharingTargetLayerName'
  >;
  readonly impl: AttentionImpl;
  kvCache: KvCache[];
  calculateKvScales: boolean;
  calcKvScales(query: Tensor, key: Tensor, value: Tensor): void;
  /** Called before the cache is written. */
  prepareCache(kvCache: KvCache): void;
}

/** What a step has for one layer (vLLM `get_attention_context`). */
export interface AttentionContext {
  /** Null in a profiling run. */
  attnMetadata: AttentionMetadata | null;
  layer: ContextLayer;
  /** Null for layers that keep no keys, and in a profiling run. */
  kvCache: KvCache | null;
  /** Slots of the new tokens; undefined where the metadata have none. */
  slotMapping?: Int32Array;
}

/** Metadata are an empty type: what of them is looked at, where a strategy has it. */
interface StepFields {
  slotMapping?: Int32Array;
  enableKvScalesCalculation?: boolean;
}

/** @throws MissingMetadataError outside a context, or where the context does not know the layer. */
export function getAttentionContext(
  layerName: string,
  context: ForwardContext | undefined = getForwardContext(),
): AttentionContext {
  const layer = context?.noCompileLayers?.[layerName];
  if (context === undefined || layer === undefined) {
    const known = Object.keys(context?.noCompileLayers ?? {}).join(', ') || 'none';
    throw new MissingMetadataError(
      context === undefined
        ? `Attention '${layerName}': there is no forward context; run inside withForwardContext`
        : `Attention '${layerName}': the forward context's noCompileLayers have no such layer (they have ${known})`,
    );
  }
  return contextOf(layer as unknown as ContextLayer, context);
}

function contextOf(layer: ContextLayer, context: ForwardContext): AttentionContext {
  const { name, config } = layer;
  const { kvSharingTargetLayerName: target, attnType } = config;
  const attnMetadata = metadataFor(context, name, target);
  const fields: StepFields | null = attnMetadata;
  const cacheless = attnMetadata === null || isCacheless(attnType);
  return {
    attnMetadata,
    layer,
    kvCache: cacheless ? null : kvCacheFor(context, name, target, boundCaches(layer, context)),
    slotMapping: fields?.slotMapping,
  };
}

/** A layer that reads another's cache has that one's, unless the runner gave it the same. */
function boundCaches({ kvCache, config }: ContextLayer, context: ForwardContext): KvCache[] {
  const { kvSharingTargetLayerName: target } = config;
  if (kvCache.length > 0 || target === null) return kvCache;
  return (context.noCompileLayers?.[target] as Partial<ContextLayer> | undefined)?.kvCache ?? [];
}

/** One step of one layer: wait for its keys, write, attend, offer its keys. Heads apart; returns `[T, N, Hv]`. */
export function attendInContext(
  layer: ContextLayer,
  context: ForwardContext,
  query: Tensor,
  key: Tensor | null,
  value: Tensor | null,
): Tensor {
  const { attnMetadata, kvCache } = contextOf(layer, context);
  if (attnMetadata === null) {
    return zeros([query.shape[0], layer.config.numHeads, layer.config.valueHeadSize]);
  }
  if (layer.calculateKvScales) calcScalesOnce(layer, attnMetadata, query, key, value);
  // A cache that another layer writes has that layer's scales.
  if (kvCache !== null && layer.config.kvSharingTargetLayerName === null) {
    layer.prepareCache(kvCache);
  }
  const run = () => layer.impl.forward(layer, query, key, value, kvCache, attnMetadata);
  const connector = activeConnector(context);
  if (connector === null || kvCache === null) return run();
  if (layer.config.kvSharingTargetLayerName !== null) {
    connector.waitForLayerLoad(layer.config.kvSharingTargetLayerName);
    return run();
  }
  return transferringLayer(connector, layer.name, kvCache, attnMetadata, run);
}

function calcScalesOnce(
  layer: ContextLayer,
  metadata: AttentionMetadata,
  query: Tensor,
  key: Tensor | null,
  value: Tensor | null,
): void {
  const { enableKvScalesCalculation }: StepFields = metadata;
  if (enableKvScalesCalculation === true && key !== null && value !== null) {
    layer.calcKvScales(query, key, value);
  }
}

/** Measures the layer's scales, where it has not and the step's metadata ask for it (vLLM `maybe_calc_kv_scales`). */
export function maybeCalcKvScales(
  query: Tensor,
  key: Tensor | null,
  value: Tensor | null,
  layerName: string,
): void {
  const { layer, attnMetadata } = getAttentionContext(layerName);
  if (attnMetadata === null || !layer.calculateKvScales) return;
  calcScalesOnce(layer, attnMetadata, query, key, value);
}

/**
 * One step of the layer of that name (vLLM op `unified_attention`): query `[T, N, H]`, key `[T, K, H]` and value
 * `[T, K, Hv]` or both null; returns `[T, N, Hv]`.
 *
 * @throws MissingMetadataError outside a context, or where it does not know the layer.
 */
export function unifiedAttention(
  query: Tensor,
  key: Tensor | null,
  value: Tensor | null,
  layerName: string,
): Tensor {
  const { layer } = getAttentionContext(layerName);
  return attendInContext(layer, getForwardContext() as ForwardContext, query, key, value);
}

/**
 * As {@link unifiedAttention}, into a variable `[T, N, Hv]` (vLLM op `unified_attention_with_output`): tensors are
 * immutable in tfjs, variables are not. Fused output quantization (vLLM's `output_scale`) does not exist.
 */
export function unifiedAttentionWithOutput(
  query: Tensor,
  key: Tensor | null,
  value: Tensor | null,
  output: Variable,
  layerName: string,
): void {
  const result = unifiedAttention(query, key, value, layerName);
  try {
    output.assign(result);
  } finally {
    // The variable holds the data now, under its own count.
    result.dispose();
  }
}

/** Lets the connector of the running step, if any, bring a layer's keys (vLLM `wait_for_kv_layer_from_connector`). */
export function waitForKvLayerFromConnector(layerName: string): void {
  const context = getForwardContext();
  if (context === undefined || context.attnMetadata === null) return;
  activeConnector(context)?.waitForLayerLoad(layerName);
}

/** Offers a layer's cache to the connector of the running step, if any (vLLM `maybe_save_kv_layer_to_connector`). */
export function maybeSaveKvLayerToConnector(layerName: string, kvCacheLayer: KvCache): void {
  const context = getForwardContext();
  if (context === undefined || context.attnMetadata === null) return;
  const metadata = metadataFor(context, layerName);
  activeConnector(context)?.saveKvLayer(layerName, kvCacheLayer, metadata);
}

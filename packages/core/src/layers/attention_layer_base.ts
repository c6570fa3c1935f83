import { layers } from '@tensorflow/tfjs-layers';
import type { AttentionBackend } from '../backends/abstract.js';
import type { LayerParametersSource, RegisteredAttentionLayer, VllmConfig } from '../config.js';
import type { AttentionKvCacheSpec } from '../kv_cache/spec.js';

/** A tfjs layer that attends (vLLM `AttentionLayerBase`): it names its strategy and what it keeps in a cache. */
export abstract class AttentionLayerBase extends layers.Layer implements RegisteredAttentionLayer {
  abstract readonly impl: LayerParametersSource;

  /** The class of the strategy that serves this layer on the active tfjs backend. */
  abstract getAttnBackend(): typeof AttentionBackend;

  /** What the layer keeps; null: nothing. */
  abstract getKvCacheSpec(vllmConfig: VllmConfig): AttentionKvCacheSpec | null;
}

import type { Tensor } from '@tensorflow/tfjs-core';
import { initializers, type LayerVariable } from '@tensorflow/tfjs-layers';
import type { AttentionImpl } from '../backends/impl.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import type {
  BaseKVCacheMethod,
  KvScaledLayer,
  ScaleName,
} from '../quantization/kv_cache_method.js';
import { AttentionLayerBase } from './attention_layer_base.js';
import { measureScales, setDefaultQuantScales, syncScales } from './scales.js';

type Shape = (number | null)[];

/** The scales of an attention layer: measured in a step, or loaded with a checkpoint. */
export abstract class QuantizedAttentionLayer extends AttentionLayerBase implements KvScaledLayer {
  abstract override readonly impl: AttentionImpl;
  abstract readonly kvCacheDtype: string;
  /** Takes checkpoint scales, where `quantConfig` has a method for this layer. */
  abstract readonly quantMethod: BaseKVCacheMethod | null;
  /** Whether the next step that asks for it measures scales. */
  abstract calculateKvScales: boolean;
  /** Real = stored * scale; 1 until measured or loaded. */
  qScale = 1;
  kScale = 1;
  vScale = 1;
  probScale = 1;
  private readonly scaleWeights = new Map<ScaleName, LayerVariable>();

  override build(inputShape: Shape | Shape[]): void {
    this.quantMethod?.createWeights(this);
    super.build(inputShape);
  }

  /** Measures q, k and v once (vLLM `calc_kv_scales`): max|x| over a range. Reads three numbers back. */
  calcKvScales(query: Tensor, key: Tensor, value: Tensor): void {
    Object.assign(this, measureScales(query, key, value));
    this.calculateKvScales = false;
  }

  /** Once weights are loaded: takes scales of the checkpoint, then tells the implementation. */
  processWeightsAfterLoading(actDtype = 'float32'): void {
    if (this.quantMethod) this.quantMethod.processWeightsAfterLoading(this);
    else if (!this.calculateKvScales) setDefaultQuantScales(this);
    this.impl.processWeightsAfterLoading(actDtype);
  }

  /** Before a cache is written: it takes over scales that the layer measured or loaded. */
  prepareCache(kvCache: KvCache): void {
    syncScales(this, kvCache);
  }

  /** For the quantization method: a scalar weight that is -1 until loaded. */
  addScale(name: ScaleName): void {
    const unloaded = initializers.constant({ value: -1 });
    this.scaleWeights.set(name, this.addWeight(name, [], 'float32', unloaded, undefined, false));
  }

  /** For the quantization method. */
  readScale(name: ScaleName): ArrayLike<number> {
    return this.scaleWeights.get(name)?.read().dataSync() ?? [-1];
  }
}

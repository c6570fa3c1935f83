import type { QuantizationConfig, QuantizeMethod } from '../config.js';
import { check, checkFinite } from '../problem/checks.js';

const OP = 'BaseKVCacheMethod';

/** Names of the four checkpoint values, -1 = not loaded. */
export const SCALE_NAMES = ['q_scale', 'k_scale', 'v_scale', 'prob_scale'] as const;
export type ScaleName = (typeof SCALE_NAMES)[number];

/** What the method reads and sets on a layer. */
export interface KvScaledLayer {
  readonly name: string;
  readonly kvCacheDtype: string;
  /** Whether the first step measures scales; loaded ones win over measured ones only for q. */
  calculateKvScales: boolean;
  qScale: number;
  kScale: number;
  vScale: number;
  probScale: number;
  /** Gives the layer a scalar weight of that name, -1 until a checkpoint sets it. */
  addScale(name: ScaleName): void;
  /** What the checkpoint set: a number, or several where it has one a head. */
  readScale(name: ScaleName): ArrayLike<number>;
}

/**
 * Cache scales of a quantized checkpoint (vLLM `BaseKVCacheMethod`): `<layer>/k_scale` and so on are weights of the layer,
 * and `processWeightsAfterLoading` makes its scales of them. Unlike vLLM's they stay weights, so that a saved model has
 * them.
 */
export class BaseKVCacheMethod implements QuantizeMethod {
  constructor(readonly quantConfig: QuantizationConfig) {}

  createWeights(layer: object): void {
    for (const name of SCALE_NAMES) (layer as KvScaledLayer).addScale(name);
  }

  /** A cache method computes nothing by itself. @throws InvalidArgumentError */
  apply(): never {
    check(false, OP, 'apply has no meaning: the scales act where the cache is written and read');
  }

  /**
   * k and v, unless the cache type is 'auto' or the first step measures them: both loaded, both count; none loaded, 1;
   * one loaded, it counts for both. q and prob: what was loaded, else 1 (vLLM's warning says that q falls back to k; its
   * code sets 1, and so does this).
   *
   * @throws InvalidArgumentError for scales that are no single number, 0 or not finite: nothing was changed.
   */
  processWeightsAfterLoading(layer: object): void {
    const target = layer as KvScaledLayer;
    const [q, k, v, prob] = SCALE_NAMES.map((name) => readOne(target, name));
    if (target.kvCacheDtype !== 'auto' && !target.calculateKvScales) {
      const none = k < 0 && v < 0;
      const both = k > 0 && v > 0;
      target.kScale = none ? 1 : both ? k : Math.max(k, v);
      target.vScale = none ? 1 : both ? v : Math.max(k, v);
    }
    target.qScale = q > 0 ? q : 1;
    target.probScale = prob > 0 ? prob : 1;
    if (q > 0) target.calculateKvScales = false;
  }
}

function readOne(layer: KvScaledLayer, name: ScaleName): number {
  const values = layer.readScale(name);
  check(
    values.length === 1,
    OP,
    `${name} of layer '${layer.name}' has ${values.length} values: only one scale a tensor is supported`,
  );
  checkFinite(values[0], OP, `${name} of layer '${layer.name}'`);
  check(values[0] !== 0, OP, `${name} of layer '${layer.name}' must not be 0`);
  return values[0];
}

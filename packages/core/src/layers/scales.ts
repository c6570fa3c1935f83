import { abs, max, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { readEnvironment, readFlag } from '../flags.js';
import { bytesPerElement, hasTokenScales } from '../kv_cache/dtypes.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { check } from '../problem/checks.js';

/** vLLM's `_q_scale_float` and so on: real = stored * scale. */
export interface QuantScales {
  qScale: number;
  kScale: number;
  vScale: number;
  probScale: number;
}

/** The largest stored size that a measured scale aims at: max|x| / range. */
const RANGES = { Q_SCALE_CONSTANT: 200, K_SCALE_CONSTANT: 200, V_SCALE_CONSTANT: 100 };
type RangeName = keyof typeof RANGES;

export function setDefaultQuantScales(layer: QuantScales): void {
  layer.qScale = 1;
  layer.kScale = 1;
  layer.vScale = 1;
  layer.probScale = 1;
}

/**
 * Scales that map the largest sizes of q, k and v to the ranges of the flags TFJS_ATTENTION_Q_SCALE_CONSTANT (default
 * 200), ..._K_... (200) and ..._V_... (100), which the environment sets too. Zeros give scale 1. Reads the three maxima back.
 */
export function measureScales(
  query: Tensor,
  key: Tensor,
  value: Tensor,
): Omit<QuantScales, 'probScale'> {
  const measure = (x: Tensor, range: RangeName) => {
    const most = tidy(() => max(abs(x)).dataSync()[0]);
    const scale = Math.fround(most / readRange(range));
    return scale > 0 && Number.isFinite(scale) ? scale : 1;
  };
  return {
    qScale: measure(query, 'Q_SCALE_CONSTANT'),
    kScale: measure(key, 'K_SCALE_CONSTANT'),
    vScale: measure(value, 'V_SCALE_CONSTANT'),
  };
}

function readRange(name: RangeName): number {
  const flag = `TFJS_ATTENTION_${name}`;
  const range = Number(readFlag(flag, () => Number(readEnvironment(flag) ?? RANGES[name])));
  check(range > 0 && Number.isFinite(range), flag, `the range must be positive, got ${range}`);
  return range;
}

/** Gives a per-tensor quantized cache the layer's scales; a layer whose scales are 1 leaves the cache's own. */
export function syncScales({ kScale, vScale }: QuantScales, kvCache: KvCache): void {
  if (kScale === 1 && vScale === 1) return;
  const { dtype, kScale: k, vScale: v } = kvCache.layout;
  if (hasTokenScales(dtype) || bytesPerElement(dtype) > 1 || (k === kScale && v === vScale)) return;
  kvCache.setScales(kScale, vScale);
}

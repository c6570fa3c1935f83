import type { QuantizationConfig } from '../config.js';
import { check } from '../problem/checks.js';
import { BaseKVCacheMethod } from '../quantization/kv_cache_method.js';

interface QuantizedLayer {
  readonly name: string;
  readonly kvCacheDtype: string;
}

/**
 * The cache method that a quantized checkpoint has for a layer, or null.
 *
 * @throws InvalidArgumentError for a method of another kind, and for an fp8 checkpoint over an fp8_e5m2 cache, whose
 *   scales are not made for it.
 */
export function readQuantMethod(
  op: string,
  quantConfig: QuantizationConfig | null | undefined,
  layer: QuantizedLayer,
): BaseKVCacheMethod | null {
  const method = quantConfig?.getQuantMethod(layer, layer.name) ?? null;
  if (method === null) return null;
  check(
    method instanceof BaseKVCacheMethod,
    op,
    `quantConfig '${quantConfig?.getName()}' must have a BaseKVCacheMethod for an attention layer, or null`,
  );
  check(
    layer.kvCacheDtype !== 'fp8_e5m2',
    op,
    'an fp8 checkpoint has scales for fp8_e4m3: fp8_e5m2 is not supported with it; take cacheDtype fp8',
  );
  return method;
}

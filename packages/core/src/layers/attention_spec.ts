import type { KvCacheDtypeName } from '../backends/impl.js';
import type { VllmConfig } from '../config.js';
import { resolveKvCacheDtype } from '../kv_cache/kv_cache.js';
import {
  FullAttentionSpec,
  SlidingWindowSpec,
  type AttentionKvCacheSpec,
} from '../kv_cache/spec.js';
import { check } from '../problem/checks.js';
import type { KvCacheDtype } from '../problem/params.js';
import type { AttentionConfig } from './attention_config.js';

/** What a spec is made of. */
export interface SpecSource {
  readonly name: string;
  readonly config: AttentionConfig;
  readonly kvCacheTorchDtype: KvCacheDtype;
}

/** The stored type (vLLM `kv_cache_dtype_str_to_dtype`): 'auto' is the model's dtype, float32 where there is no model. */
export function storedDtype(name: KvCacheDtypeName, vllmConfig?: VllmConfig): KvCacheDtype {
  const { dtype = 'float32' } = vllmConfig?.modelConfig ?? {};
  return name === 'auto' ? dtype : resolveKvCacheDtype('Attention', name);
}

/** Fields that every spec of a layer has. */
export function specOptions(
  { config, kvCacheTorchDtype }: SpecSource,
  { cacheConfig: { blockSize } }: VllmConfig,
) {
  const { numKvHeads, headSize, valueHeadSize } = config;
  return { blockSize, numKvHeads, headSize, valueHeadSize, dtype: kvCacheTorchDtype };
}

/** A decoder's spec: windows may drop blocks. Encoders keep nothing. @throws InvalidArgumentError for cross attention. */
export function attentionSpec(
  source: SpecSource,
  vllmConfig: VllmConfig,
): AttentionKvCacheSpec | null {
  const { attnType, slidingWindow } = source.config;
  if (attnType === 'encoder' || attnType === 'encoder_only') return null;
  check(
    attnType === 'decoder',
    `Attention '${source.name}'.getKvCacheSpec`,
    `attnType '${attnType}' has no spec here; use CrossAttention`,
  );
  const options = specOptions(source, vllmConfig);
  return slidingWindow === null
    ? new FullAttentionSpec(options)
    : new SlidingWindowSpec({ ...options, slidingWindow });
}

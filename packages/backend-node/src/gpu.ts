import type { AttentionSpec, KvCacheDtype, KvCacheLayout } from '@tfjs-attention/core/provider';

/** Stored types that kernels/cuda reads. */
const KV_DTYPES: readonly KvCacheDtype[] = [
  'float32',
  'float16',
  'bfloat16',
  'fp8_e4m3',
  'fp8_e5m2',
  'int8',
  'int8_per_token_head',
  'fp8_per_token_head',
];

/** What of a cache kernels of the processor take and CUDA kernels do not. */
export function cudaRejectsCache({
  dtype,
  valueInKey,
}: Pick<KvCacheLayout, 'dtype' | 'valueInKey'>): string[] {
  const reasons = KV_DTYPES.includes(dtype) ? [] : [`the CUDA kernels do not read ${dtype}`];
  if (valueInKey) reasons.push('the CUDA kernels do not read values out of keys');
  return reasons;
}

/** The same of a spec. */
export function cudaRejects({ features, kv, kvDtype }: AttentionSpec): string[] {
  const valueInKey = kv.kind === 'paged' ? kv.valueInKey : undefined;
  const reasons = cudaRejectsCache({ dtype: kvDtype, valueInKey });
  if (features.includes('dropout')) reasons.push('the CUDA kernels know no dropout');
  return reasons;
}

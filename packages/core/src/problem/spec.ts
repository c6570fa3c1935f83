import { FEATURE_BITS, type Feature, type KvCacheDtype } from './params.js';

/** Compute precision asked for. tfjs tensors stay float32; CPU kernels always compute in float32. */
export const PRECISIONS = ['float32', 'float16', 'bfloat16'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Where keys and values lie. */
export type KvLayout =
  | { readonly kind: 'dense'; readonly order: 'bsnh' | 'bnsh' }
  | {
      readonly kind: 'paged';
      readonly blockSize: number;
      /** Values are the first lanes of keys. */
      readonly valueInKey?: true;
    };

/** Facts that change generated code. Plain data: {@link specKey} is the only cache key and variant label. */
export interface AttentionSpec {
  /** 'decode' where every sequence brings one query token. */
  readonly phase: 'prefill' | 'decode';
  readonly headSize: number;
  readonly valueHeadSize: number;
  /** G = N / K. */
  readonly queriesPerKv: number;
  readonly kv: KvLayout;
  readonly kvDtype: KvCacheDtype;
  /** Sorted. */
  readonly features: readonly Feature[];
  readonly returnLse: boolean;
  readonly precision: Precision;
}

/** Canonical text of a spec, e.g. `decode h64 g4 paged16 int8 [causal,window] f32`. */
export function specKey(spec: AttentionSpec): string {
  const size =
    spec.headSize === spec.valueHeadSize
      ? `h${spec.headSize}`
      : `h${spec.headSize}v${spec.valueHeadSize}`;
  const kv =
    spec.kv.kind === 'dense'
      ? `dense-${spec.kv.order}`
      : `paged${spec.kv.blockSize}${spec.kv.valueInKey ? '-latent' : ''}`;
  const parts = [spec.phase, size, `g${spec.queriesPerKv}`, kv, spec.kvDtype];
  parts.push(`[${spec.features.join(',')}]`, spec.precision);
  if (spec.returnLse) parts.push('lse');
  return parts.join(' ');
}

export function featureFlags(features: readonly Feature[]): number {
  return features.reduce((flags, feature) => flags | FEATURE_BITS[feature], 0);
}

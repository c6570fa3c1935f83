import { check, checkInt } from '../problem/checks.js';
import type { Precision } from '../problem/spec.js';
import { ATTENTION_TYPES, AttentionType } from './attention_type.js';
import type { KvCacheDtypeName } from './impl.js';

/** What a strategy is chosen for (vLLM `AttentionSelectorConfig`); only `headSize` has no default. */
export interface AttnSelectorConfig {
  /** H */
  headSize: number;
  /** Compute precision asked for; default 'float32'. */
  dtype?: Precision;
  /** Stored type; default 'auto'. */
  kvCacheDtype?: KvCacheDtypeName | null;
  /** C, tokens per cache block; null (default) = dense, or any. */
  blockSize?: number | null;
  /** Multi-head latent attention. */
  useMla?: boolean;
  /** Logits in the softmax denominator. */
  hasSink?: boolean;
  /** Top-k keys of an indexer. */
  useSparse?: boolean;
  /** Ranges of a prompt that see themselves in both directions. */
  useMmPrefix?: boolean;
  /** A cache scale for each KV head. */
  usePerHeadQuantScales?: boolean;
  /** Default 'decoder'. */
  attnType?: AttentionType | null;
  hasSlidingWindow?: boolean;
  /** Batches whose `causal` is false. */
  useNonCausal?: boolean;
  /** Results that do not depend on what else is in the batch, to the bit. */
  useBatchInvariant?: boolean;
  useKvConnector?: boolean;
  /** Prefill context parallelism. */
  usePcp?: boolean;
  useAlibi?: boolean;
  useSoftCap?: boolean;
  /** Reading another layer's cache. */
  useKvSharing?: boolean;
}

/** A config with every default settled. */
export type CompleteSelectorConfig = {
  readonly [name in keyof Required<AttnSelectorConfig>]: NonNullable<AttnSelectorConfig[name]>;
} & { readonly blockSize: number | null };

const NONE = {
  dtype: 'float32',
  kvCacheDtype: 'auto',
  useMla: false,
  hasSink: false,
  useSparse: false,
  useMmPrefix: false,
  usePerHeadQuantScales: false,
  attnType: AttentionType.DECODER,
  hasSlidingWindow: false,
  useNonCausal: false,
  useBatchInvariant: false,
  useKvConnector: false,
  usePcp: false,
  useAlibi: false,
  useSoftCap: false,
  useKvSharing: false,
} as const;

/** @throws InvalidArgumentError unless headSize and blockSize are integers >= 1 and the type is one. */
export function completeConfig(op: string, config: AttnSelectorConfig): CompleteSelectorConfig {
  checkInt(config.headSize, op, 'headSize', 1);
  if (config.blockSize != null) checkInt(config.blockSize, op, 'blockSize', 1);
  const { attnType } = config;
  check(
    attnType == null || ATTENTION_TYPES.includes(attnType),
    op,
    `attnType '${attnType}' is not one of ${ATTENTION_TYPES.join(', ')}`,
  );
  const given = Object.entries(config).filter(([, value]) => value != null);
  // The spreads are a full config by construction: every optional key has its default in NONE.
  return {
    ...NONE,
    blockSize: null,
    ...Object.fromEntries(given),
  } as unknown as CompleteSelectorConfig;
}

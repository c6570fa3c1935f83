import type { layers } from '@tensorflow/tfjs-layers';
import type { AttentionBackend } from '../backends/abstract.js';
import type { TopkIndexer } from '../backends/mla_impl.js';
import { backendNamesText, isBackendName, type AttentionBackendEnum } from '../backends/names.js';
import type { MLADims } from '../backends/utils.js';
import type { CacheConfig, QuantizationConfig, VllmConfig } from '../config.js';
import { resolveKvCacheDtype } from '../kv_cache/kv_cache.js';
import { check, checkFinite, checkInt } from '../problem/checks.js';

type LayerArgs = ConstructorParameters<typeof layers.Layer>[0];

/** Constructor arguments of `MLAAttention`: vLLM's, camelCased, and what tfjs layers take. */
export interface MLAAttentionArgs extends NonNullable<LayerArgs> {
  /** N */
  numHeads: number;
  /** Softmax scale; default 1 / sqrt(P + R). */
  scale?: number;
  /** P, lanes of a head that have no position. */
  qkNopeHeadDim: number;
  /** R, rotated lanes; all heads share those of a key. */
  qkRopeHeadDim: number;
  /** V */
  vHeadDim: number;
  /** L, lanes of the latent. */
  kvLoraRank: number;
  /** Null (default): queries are not compressed. Only remembered. */
  qLoraRank?: number | null;
  /**
   * A layer whose one weight is `[L, N*(P+V)]`, without bias, e.g. `tf.layers.dense`. Default: a weight of this layer, named
   * `kv_b_proj`.
   */
  kvBProj?: layers.Layer | null;
  /** Cache dtype and block size; null (default): 'auto', 16. */
  cacheConfig?: CacheConfig | null;
  quantConfig?: QuantizationConfig | null;
  /** Whether queries meet only the keys that `indexer` chose. Default false. Not saved. */
  useSparse?: boolean;
  indexer?: TopkIndexer | null;
  /** As `AttentionArgs.prefix`. */
  prefix?: string;
  attnBackend?: AttentionBackendEnum | 'auto' | typeof AttentionBackend;
  vllmConfig?: VllmConfig;
}

/** Arguments with every default settled; what `getConfig` writes. */
export interface MLAAttentionConfig extends MLADims {
  numHeads: number;
  scale: number;
  cacheConfig: CacheConfig | null;
  attnBackend: AttentionBackendEnum | 'auto';
  /** As every attention layer has them. */
  headSize: number;
  numKvHeads: 1;
  valueHeadSize: number;
  attnType: 'decoder';
  kvSharingTargetLayerName: null;
}

export function readMlaConfig(op: string, args: MLAAttentionArgs): MLAAttentionConfig {
  const { numHeads, qkNopeHeadDim, qkRopeHeadDim, vHeadDim, kvLoraRank } = args;
  const { qLoraRank = null, cacheConfig = null, attnBackend = 'auto' } = args;
  const sizes = { numHeads, qkNopeHeadDim, qkRopeHeadDim, vHeadDim, kvLoraRank };
  for (const [name, size] of Object.entries(sizes)) checkInt(size, op, name, 1);
  if (qLoraRank !== null) checkInt(qLoraRank, op, 'qLoraRank', 1);
  const scale = args.scale ?? 1 / Math.sqrt(qkNopeHeadDim + qkRopeHeadDim);
  checkFinite(scale, op, 'scale');
  if (cacheConfig !== null) {
    checkInt(cacheConfig.blockSize, op, 'cacheConfig.blockSize', 1);
    resolveKvCacheDtype(op, cacheConfig.cacheDtype);
  }
  check(
    (args.useSparse === true) === (args.indexer != null),
    op,
    'useSparse and indexer come together: an indexer chooses the keys of sparse attention',
  );
  const name = typeof attnBackend === 'function' ? attnBackend.getName() : attnBackend;
  check(
    name === 'auto' || isBackendName(name),
    op,
    () => `attnBackend '${name}' is not one of ${backendNamesText()}`,
  );
  return {
    ...sizes,
    qLoraRank,
    scale,
    cacheConfig: cacheConfig && { ...cacheConfig },
    attnBackend: name,
    headSize: kvLoraRank + qkRopeHeadDim,
    numKvHeads: 1,
    valueHeadSize: vHeadDim,
    attnType: 'decoder',
    kvSharingTargetLayerName: null,
  };
}

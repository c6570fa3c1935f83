import type { AttentionBackend } from './backends/abstract.js';
import type { AttentionKvCacheSpec } from './kv_cache/spec.js';
import type { KvCacheDtype } from './problem/params.js';
import type { Precision } from './problem/spec.js';

/** How keys and values are stored (vLLM `CacheConfig`). */
export interface CacheConfig {
  /** C, tokens per block; vLLM's own default is 16. */
  blockSize: number;
  /** Stored type; 'auto' = the model's dtype (float32 where it names none), 'fp8' = fp8_e4m3. */
  cacheDtype: KvCacheDtype | 'auto' | 'fp8';
  /** Model-wide window of keys, the own one included; a layer may override it. Default null: none. */
  slidingWindow?: number | null;
  /** Whether the first step measures q, k and v scales. Default false. */
  calculateKvScales?: boolean;
  /** Whether blocks are found again by their content. Default true. */
  enablePrefixCaching?: boolean;
  /** P, blocks of the pool, the null block included; default: whatever the memory holds. */
  numGpuBlocks?: number;
}

/** What is known of the model (vLLM `ModelConfig`). */
export interface ModelConfig {
  /** Most tokens of one request, prompt and continuation together. */
  maxModelLen: number;
  dtype: Precision;
  /** The text part of a Hugging Face `config.json`, as parsed. */
  hfTextConfig?: Readonly<Record<string, unknown>>;
}

/** Limits of one step (vLLM `SchedulerConfig`). */
export interface SchedulerConfig {
  /** T at most. */
  maxNumBatchedTokens: number;
  /** B at most. */
  maxNumSeqs: number;
  /** Most encoder tokens of one request; needed by cross attention only. Default 0. */
  maxNumEncoderInputTokens?: number;
}

/** vLLM `ParallelConfig`, as far as attention looks at it. */
export interface ParallelConfig {
  /** Ranks that share one sequence's keys while decoding. Default 1. */
  decodeContextParallelSize?: number;
  /** Which of them this process is. Default 0. */
  decodeContextParallelRank?: number;
  /** Consecutive tokens that stay on one of those ranks. Default 1. */
  cpKvCacheInterleaveSize?: number;
  /** Whether a batch may be cut into two micro-batches. Default false. */
  enableDbo?: boolean;
  /** Fewest tokens of a batch of decodes that is cut. Default 32. */
  dboDecodeTokenThreshold?: number;
  /** Fewest tokens of a batch with a prefill that is cut. Default 512. */
  dboPrefillTokenThreshold?: number;
}

/** What a quantized checkpoint does to one layer (vLLM `QuantizeMethodBase`). */
export interface QuantizeMethod {
  /** Gives the layer places for checkpoint values, -1 where none came. */
  createWeights(layer: object): void;
  /** Turns what was loaded into the layer's scales. */
  processWeightsAfterLoading(layer: object): void;
}

/** A quantized checkpoint (vLLM `QuantizationConfig`). */
export interface QuantizationConfig {
  /** e.g. 'fp8' */
  getName(): string;
  /** The method for a layer, or null where it stays as it is. */
  getQuantMethod(layer: object, prefix: string): QuantizeMethod | null;
}

/** Several tokens a decode step, proposed by a smaller model (vLLM `SpeculativeConfig`). */
export interface SpeculativeConfig {
  numSpeculativeTokens: number;
  /** Tree of proposed tokens, as paths of child numbers from the root; default a chain of one, `[[0]]` (TREE_ATTN). */
  speculativeTokenTree?: readonly (readonly number[])[];
}

/** What an implementation tells the code that plans for all layers at once. */
export interface LayerParametersSource {
  readonly scale: number;
  /** Keys visible before and after the query position, itself excluded; -1 = unlimited. */
  readonly slidingWindow?: readonly [number, number] | null;
  readonly logitsSoftCap?: number | null;
  readonly sinks?: unknown;
}

/** An attention layer as it is registered under its name (vLLM `AttentionLayerBase`). */
export interface RegisteredAttentionLayer {
  /** N */
  readonly numHeads?: number;
  readonly impl: LayerParametersSource;
  getAttnBackend(): typeof AttentionBackend;
  /** Null: the layer keeps no keys. */
  getKvCacheSpec(vllmConfig: VllmConfig): AttentionKvCacheSpec | null;
}

/** Layers by name, in the order of the model (vLLM `CompilationConfig.static_forward_context`). */
export interface CompilationConfig {
  staticForwardContext: Record<string, RegisteredAttentionLayer>;
}

/** Whether keys travel between processes (vLLM `KVTransferConfig`). */
export interface KvTransferConfig {
  /** Name of the connector. */
  kvConnector: string;
  kvRole?: 'kv_producer' | 'kv_consumer' | 'kv_both';
  /** Layout that the connector wants; default 'NHD'. */
  requiredKvCacheLayout?: 'NHD' | 'HND';
  kvConnectorExtraConfig?: Readonly<Record<string, unknown>>;
}

/** Everything that layers, builders and specs are configured by (vLLM `VllmConfig`); plain data. */
export interface VllmConfig {
  cacheConfig: CacheConfig;
  modelConfig: ModelConfig;
  schedulerConfig: SchedulerConfig;
  parallelConfig?: ParallelConfig;
  speculativeConfig?: SpeculativeConfig;
  quantConfig?: QuantizationConfig | null;
  compilationConfig?: CompilationConfig;
  kvTransferConfig?: KvTransferConfig | null;
}

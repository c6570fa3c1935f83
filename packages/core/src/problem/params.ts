/**
 * The numbers and pointers that every kernel reads, in the one order that all targets share.
 *
 * `kernels/abi.h` is generated from these tables (`node kernels/build/abi.js`), and CI compares it
 * with a fresh generation: a field is added here and nowhere else. Every field is four bytes wide
 * except pointers, which are as wide as the target's.
 */

type Scalar = 'f32' | 'i32';
type Table = Readonly<Record<string, Scalar>>;

/** Parameters of one attention call: scalars that never change generated code. Strides count elements; of an `int4` cache, bytes. */
export const ATTENTION_PARAMS = {
  softmaxScale: 'f32',
  logitsSoftCap: 'f32',
  /** Real = stored * scale, for the whole cache; 1 where `kHeadScales` / `vHeadScales` are given. */
  kScale: 'f32',
  vScale: 'f32',
  /** Bits of {@link FEATURE_BITS}. */
  flags: 'i32',
  /** Index into `KV_CACHE_DTYPES`; 0 = float32. */
  kvDtype: 'i32',
  /** Keys visible before and after the query position, itself excluded; -1 = unlimited. */
  windowLeft: 'i32',
  windowRight: 'i32',
  /** 0 = no chunks. */
  chunkSize: 'i32',
  chunkLookback: 'i32',
  numSeqs: 'i32',
  numHeads: 'i32',
  numKvHeads: 'i32',
  headSize: 'i32',
  valueHeadSize: 'i32',
  /** Longest query; the query length of every sequence where `queryStartLoc` is absent (dense). */
  maxQueryLen: 'i32',
  maxSeqLen: 'i32',
  /** Tokens per block; 0 = dense keys. */
  blockSize: 'i32',
  maxBlocksPerSeq: 'i32',
  /** The tree bias is [qqBiasSize, qqBiasSize]. */
  qqBiasSize: 'i32',
  qStrideBatch: 'i32',
  qStrideToken: 'i32',
  qStrideHead: 'i32',
  /** Dense: of the sequence. Paged: of the physical block. */
  kStrideBatch: 'i32',
  kStrideToken: 'i32',
  kStrideHead: 'i32',
  vStrideBatch: 'i32',
  vStrideToken: 'i32',
  vStrideHead: 'i32',
  outStrideBatch: 'i32',
  outStrideToken: 'i32',
  outStrideHead: 'i32',
  lseStrideBatch: 'i32',
  lseStrideToken: 'i32',
  lseStrideHead: 'i32',
  /** 0 along a broadcast axis. */
  biasStrideBatch: 'i32',
  biasStrideHead: 'i32',
  biasStrideToken: 'i32',
  biasStrideKey: 'i32',
  maskStrideBatch: 'i32',
  maskStrideHead: 'i32',
  maskStrideToken: 'i32',
  maskStrideKey: 'i32',
} as const satisfies Table;

/**
 * Operands of one attention call. Query token i of sequence b lies at
 * `q + b * qStrideBatch + (queryStartLoc[b] + i) * qStrideToken + n * qStrideHead`;
 * `out`, `lse`, `bias` and `mask` follow the same rule with their own strides.
 */
export const ATTENTION_OPERANDS = {
  q: 'const float',
  /** Stored as `kvDtype`. Paged: key j is in block blockTables[b * maxBlocksPerSeq + j / blockSize]. */
  k: 'const void',
  v: 'const void',
  bias: 'const float',
  /** One byte a key; 0 = may not attend. */
  mask: 'const unsigned char',
  /** [B + 1], or null for dense: every sequence starts at 0 and has maxQueryLen tokens. */
  queryStartLoc: 'const int',
  /** [B] keys of each sequence. */
  seqLens: 'const int',
  /** [B] position of each sequence's first query; never null. */
  queryOffsets: 'const int',
  blockTables: 'const int',
  /** [B] 0 = the sequence is not causal; read with the feature `mixedCausal` only. */
  causalFlags: 'const int',
  /** [B] keys before this position escape the window (not the causal rule); with `rswa` only. */
  rswaPrefixLens: 'const int',
  /**
   * [B + 1 + 2R] ranges that see themselves in both directions; with `mmPrefix` only. Sequence b's lie from entry b's
   * value to entry b + 1's: first and last position of each, rising, apart from one another.
   */
  mmRanges: 'const int',
  /** [2] seed, and the share of weights to drop in units of 2^-24; with `dropout` only. */
  dropout: 'const int',
  /** [N] */
  alibiSlopes: 'const float',
  sinks: 'const float',
  /** [K], or null: use kScale / vScale. */
  kHeadScales: 'const float',
  vHeadScales: 'const float',
  /** [P, C, K], only for the per-token-head types; an `int4` scale has its zero point in the four lowest bits. */
  kTokenScales: 'const float',
  vTokenScales: 'const float',
  qqBias: 'const float',
  out: 'float',
  /** Null unless asked for. */
  lse: 'float',
} as const satisfies Readonly<Record<string, string>>;

/**
 * What a backward call has beside the forward call's operands, of which it reads `out` and `lse`. Gradients lie as
 * what they are gradients of; a null one is not wanted, any other begins as zeros.
 */
export const GRADIENT_OPERANDS = {
  dout: 'const float',
  dlse: 'const float',
  dq: 'float',
  dk: 'float',
  dv: 'float',
  dbias: 'float',
  dalibiSlopes: 'float',
  dqqBias: 'float',
} as const satisfies Readonly<Record<string, string>>;

/** Parameters of a cache write or gather. Strides count elements (`int4`: bytes); valueHeadSize 0 = keys alone. */
export const CACHE_PARAMS = {
  kScale: 'f32',
  vScale: 'f32',
  kvDtype: 'i32',
  numTokens: 'i32',
  numKvHeads: 'i32',
  headSize: 'i32',
  valueHeadSize: 'i32',
  blockSize: 'i32',
  kStrideBlock: 'i32',
  kStrideToken: 'i32',
  kStrideHead: 'i32',
  vStrideBlock: 'i32',
  vStrideToken: 'i32',
  vStrideHead: 'i32',
} as const satisfies Table;

/** Operands of a cache write (`newK`, `newV` are read) or gather (they are written); both `[T, K, H]` contiguous. */
export const CACHE_OPERANDS = {
  newK: 'float',
  newV: 'float',
  k: 'void',
  v: 'void',
  /** [T] flat slot = block * blockSize + offset; -1 = leave that token out (gather: write zeros). */
  slotMapping: 'const int',
  kHeadScales: 'const float',
  vHeadScales: 'const float',
  kTokenScales: 'float',
  vTokenScales: 'float',
} as const satisfies Readonly<Record<string, string>>;

/** Stored types, in the order that `kvDtype` indexes. */
export const KV_CACHE_DTYPES = [
  'float32',
  'float16',
  'bfloat16',
  'fp8_e4m3',
  'fp8_e5m2',
  'int8',
  'int8_per_token_head',
  'fp8_per_token_head',
  'int4_per_token_head',
] as const;
export type KvCacheDtype = (typeof KV_CACHE_DTYPES)[number];
/** Types whose elements stand for themselves: each has a code of its own. */
export type ElementDtype = Exclude<KvCacheDtype, 'int4_per_token_head'>;

/** Features that kernels branch on. Everything else follows from an operand being present. */
export const FEATURE_BITS = {
  causal: 1,
  window: 2,
  softcap: 4,
  bias: 8,
  mask: 16,
  alibi: 32,
  sinks: 64,
  qqBias: 128,
  chunk: 256,
  rswa: 512,
  mmPrefix: 1024,
  mixedCausal: 2048,
  dropout: 4096,
} as const;
export type Feature = keyof typeof FEATURE_BITS;

export type AttentionParams = { [name in keyof typeof ATTENTION_PARAMS]: number };
export type CacheParams = { [name in keyof typeof CACHE_PARAMS]: number };
export type AttentionOperandName = keyof typeof ATTENTION_OPERANDS;
export type GradientOperandName = keyof typeof GRADIENT_OPERANDS;
export type CacheOperandName = keyof typeof CACHE_OPERANDS;

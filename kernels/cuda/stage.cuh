// Operands as the tensor cores take them: 16-bit rows of HEAD lanes, zeros past a row's size and a sequence's end. With
// two parts a row holds high = f16(x * 2^e) and low = f16(x * 2^e - high): together 22 bits, and e, which a query row
// or a tile of 64 keys shares, keeps the low parts above float16's smallest numbers. units are 2^-e.
#ifndef TFJS_ATTENTION_CUDA_STAGE_CUH
#define TFJS_ATTENTION_CUDA_STAGE_CUH
#include "device.cuh"

/** Keys that share an exponent. */
#define STAGE_KEYS 64
#define STAGE_THREADS 256
/** The largest number of a scaled row lies in [2^13, 2^14): its products' sums stay finite, float16's top is 2^16. */
#define STAGE_EXPONENT 13

/** 2^e for a largest magnitude; 1 for 0. */
HOOK float stage_unit(float largest) {
  int exponent = (vf_bits(largest) >> 23 & 0xff) - 127;
  if (largest == 0.0f || exponent > 127) return 1.0f;
  return vf_from_bits((mask_min(STAGE_EXPONENT - exponent, 126) + 127) << 23);
}

/** Infinity and NaN have no say. */
HOOK float stage_size(float x) { return fabsf(x) <= 3.402823466e38f ? fabsf(x) : 0.0f; }

template <int PARTS, bool HALF>
HOOK void stage_store(unsigned short *row, int head, int lane, float x) {
  if (HALF) {
    __half high = __float2half_rn(x);
    row[lane] = __half_as_ushort(high);
    if (PARTS > 1) row[head + lane] = __half_as_ushort(__float2half_rn(x - __half2float(high)));
  } else {
    row[lane] = __bfloat16_as_ushort(__float2bfloat16_rn(x));
  }
}

struct StageQuery {
  AttnParams p;
  const void *q;
  int dtype, head, tokens, ragged;
  /** [tokens, N, PARTS * head] and [tokens, N]. */
  unsigned short *to;
  float *units;
};

/** One warp a (token, head). */
template <int PARTS, bool HALF>
__global__ void __launch_bounds__(STAGE_THREADS) stage_query(const __grid_constant__ StageQuery s) {
  int row = blockIdx.x * (STAGE_THREADS / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  int token = row / s.p.numHeads, n = row % s.p.numHeads, b = 0;
  if (token >= s.tokens) return;
  unsigned short *to = s.to + (address)row * PARTS * s.head;
  if (!s.ragged) b = token / s.p.maxQueryLen, token %= s.p.maxQueryLen;
  address at = (address)(u32)b * (u32)s.p.qStrideBatch + (address)(u32)token * (u32)s.p.qStrideToken +
               (u32)n * (u32)s.p.qStrideHead;
  float unit = 1.0f;
  if (PARTS > 1) {
    float largest = 0.0f;
    for (int d = lane; d < s.p.headSize; d += 32) largest = fmaxf(largest, stage_size(load_as(s.dtype, s.q, at + d)));
    unit = stage_unit(warp_max(largest));
    if (lane == 0) s.units[row] = 1.0f / unit;
  }
  for (int d = lane; d < s.head; d += 32) {
    stage_store<PARTS, HALF>(to, s.head, d, d < s.p.headSize ? load_as(s.dtype, s.q, at + d) * unit : 0.0f);
  }
}

struct StageKeys {
  AttnParams p;
  AttnOperands o;
  int head, keyTiles;
  /** [2: K, V][B, K, keyTiles * STAGE_KEYS, PARTS * head] and [2][B, K, keyTiles]. */
  unsigned short *to;
  float *units;
};

/** Element d of a stored row, with its token scale (null: 1) and the tile's unit. */
HOOK float stage_value(const AttnParams &p, const KvSide &side, const unsigned char *row, const float *stored,
                       float unit, int d) {
  if (d >= (int)side.size) return 0.0f;
  float scale = stored ? kv_token_scale(p.kvDtype, *stored) : 1.0f;
  float zero = stored ? kv_token_zero(p.kvDtype, *stored) : 0.0f;
  return (kv_load(p.kvDtype, row, d) - zero) * (scale * unit);
}

/** Blocks are (tile of keys, KV head of a sequence, K or V). Scales of a tensor or head stay with the scores. */
template <int PARTS, bool HALF>
__global__ void __launch_bounds__(STAGE_THREADS) stage_keys(const __grid_constant__ StageKeys s) {
  __shared__ float largest[STAGE_THREADS / 32];
  int tile = blockIdx.x, b = blockIdx.y / s.p.numKvHeads, kvHead = blockIdx.y % s.p.numKvHeads;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, seqLen = s.o.seqLens[b];
  int first = tile * STAGE_KEYS, count = mask_min(seqLen - first, STAGE_KEYS);
  if (count <= 0) return;
  KvSide side = blockIdx.z == 0 ? kv_keys(&s.p, &s.o, b, kvHead) : kv_values(&s.p, &s.o, b, kvHead);
  address head = ((address)blockIdx.z * s.p.numSeqs + b) * s.p.numKvHeads + kvHead;
  float unit = 1.0f;
  if (PARTS > 1) {
    float mine = 0.0f;
    for (int j = warp; j < count; j += STAGE_THREADS / 32) {
      const unsigned char *row;
      const float *scale = 0;
      kv_locate(&side, first + j, 1, &row, &scale);
      for (int d = lane; d < (int)side.size; d += 32) {
        mine = fmaxf(mine, stage_size(stage_value(s.p, side, row, scale, 1.0f, d)));
      }
    }
    mine = warp_max(mine);
    if (lane == 0) largest[warp] = mine;
    __syncthreads();
    UNROLL for (int i = 0; i < STAGE_THREADS / 32; i++) mine = fmaxf(mine, largest[i]);
    unit = stage_unit(mine);
    if (threadIdx.x == 0) s.units[head * s.keyTiles + tile] = 1.0f / unit;
  }
  for (int j = warp; j < STAGE_KEYS; j += STAGE_THREADS / 32) {
    unsigned short *to = s.to + ((head * s.keyTiles + tile) * STAGE_KEYS + j) * PARTS * s.head;
    const unsigned char *row = 0;
    const float *scale = 0;
    if (j < count) kv_locate(&side, first + j, 1, &row, &scale);
    for (int d = lane; d < s.head; d += 32) {
      stage_store<PARTS, HALF>(to, s.head, d, j < count ? stage_value(s.p, side, row, scale, unit, d) : 0.0f);
    }
  }
}

#endif

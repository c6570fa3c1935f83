// Operands as the tensor cores take them: 16-bit rows of HEAD lanes, zeros past a row's size and a sequence's end. With
// units a row holds x * 2^e: e, which a query row or a tile of 64 keys shares, keeps float16 away from its ends, so
// that one part has the 11 bits of TensorFloat-32. Two parts, high = f16(x * 2^e) and low = f16(x * 2^e - high), have
// 22. Units are 2^-e.
#ifndef TFJS_ATTENTION_CUDA_STAGE_CUH
#define TFJS_ATTENTION_CUDA_STAGE_CUH
#include "device.cuh"

/** Operands of one bfloat16 or float16 part, or of float16 with units (see stage.cuh): TensorFloat-32's, float32's. */
template <int PARTS_, bool HALF_, bool UNITS_>
struct Form {
  static constexpr int PARTS = PARTS_;
  static constexpr bool HALF = HALF_, UNITS = UNITS_;
};

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

/** Four neighbouring numbers of a row; lanes of a part lie together. */
template <class F>
HOOK void stage_store(unsigned short *row, int head, int lane, const float (&x)[4]) {
  u32 high[2], low[2];
  UNROLL for (int i = 0; i < 2; i++) {
    float a = x[2 * i], b = x[2 * i + 1];
    if (F::HALF) {
      __half2 h = __floats2half2_rn(a, b);
      float2 back = __half22float2(h);
      __half2 l = __floats2half2_rn(a - back.x, b - back.y);
      high[i] = *(u32 *)&h, low[i] = *(u32 *)&l;
    } else {
      __nv_bfloat162 h = __floats2bfloat162_rn(a, b);
      high[i] = *(u32 *)&h;
    }
  }
  *(uint2 *)(row + lane) = make_uint2(high[0], high[1]);
  if (F::PARTS > 1) *(uint2 *)(row + head + lane) = make_uint2(low[0], low[1]);
}

/** Four neighbouring numbers, of which `left` exist; the rest are zeros. */
template <class Load>
HOOK void stage_load(float (&x)[4], const float *floats, int left, Load load) {
  if (floats && left >= 4 && ((address)floats & 15) == 0) {
    float4 all = *(const float4 *)floats;
    x[0] = all.x, x[1] = all.y, x[2] = all.z, x[3] = all.w;
    return;
  }
  UNROLL for (int i = 0; i < 4; i++) x[i] = i < left ? load(i) : 0.0f;
}

/** The largest magnitude of some numbers. */
template <int COUNT>
HOOK float stage_largest(const float (&x)[COUNT]) {
  float largest = 0.0f;
  UNROLL for (int i = 0; i < COUNT; i++) largest = fmaxf(largest, stage_size(x[i]));
  return largest;
}

/** Rows are dealt to a warp 128 lanes at a time, four a thread. */
#define STAGE_TURNS 2

struct StageQuery {
  AttnParams p;
  const void *q;
  int dtype, head, tokens, ragged;
  /** [tokens, N, PARTS * head] and [tokens, N]. */
  unsigned short *to;
  float *units;
};

/** One warp a (token, head). */
template <class F>
__global__ void __launch_bounds__(STAGE_THREADS) stage_query(const __grid_constant__ StageQuery s) {
  int row = blockIdx.x * (STAGE_THREADS / 32) + threadIdx.x / 32, first = threadIdx.x % 32 * 4;
  int token = row / s.p.numHeads, n = row % s.p.numHeads, b = 0;
  if (token >= s.tokens) return;
  unsigned short *to = s.to + (address)row * F::PARTS * s.head;
  if (!s.ragged) b = token / s.p.maxQueryLen, token %= s.p.maxQueryLen;
  address at = (address)(u32)b * (u32)s.p.qStrideBatch + (address)(u32)token * (u32)s.p.qStrideToken +
               (u32)n * (u32)s.p.qStrideHead;
  float x[STAGE_TURNS][4], largest = 0.0f;
  UNROLL for (int turn = 0; turn < STAGE_TURNS; turn++) {
    int d = turn * 128 + first;
    const float *floats = s.dtype == KV_FLOAT32 ? (const float *)s.q + at + d : 0;
    stage_load(x[turn], floats, s.p.headSize - d, [&](int i) { return load_as(s.dtype, s.q, at + d + i); });
    largest = fmaxf(largest, stage_largest(x[turn]));
  }
  float unit = F::UNITS ? stage_unit(warp_max(largest)) : 1.0f;
  if (F::UNITS && threadIdx.x % 32 == 0) s.units[row] = 1.0f / unit;
  UNROLL for (int turn = 0; turn < STAGE_TURNS; turn++) {
    UNROLL for (int i = 0; i < 4; i++) x[turn][i] *= unit;
    if (turn * 128 + first < s.head) stage_store<F>(to, s.head, turn * 128 + first, x[turn]);
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

/** Blocks are (tile of keys, KV head of a sequence, K or V). Scales of a tensor or head stay with the scores. */
template <class F>
__global__ void __launch_bounds__(STAGE_THREADS) stage_keys(const __grid_constant__ StageKeys s) {
  constexpr int WARPS = STAGE_THREADS / 32, ROWS = STAGE_KEYS / WARPS;
  __shared__ float largest[WARPS];
  int tile = blockIdx.x, b = blockIdx.y / s.p.numKvHeads, kvHead = blockIdx.y % s.p.numKvHeads;
  int warp = threadIdx.x / 32, first = threadIdx.x % 32 * 4;
  int count = mask_min(s.o.seqLens[b] - tile * STAGE_KEYS, STAGE_KEYS);
  if (count <= 0) return;
  KvSide side = blockIdx.z == 0 ? kv_keys(&s.p, &s.o, b, kvHead) : kv_values(&s.p, &s.o, b, kvHead);
  address head = ((address)blockIdx.z * s.p.numSeqs + b) * s.p.numKvHeads + kvHead;
  unsigned short *to = s.to + (head * s.keyTiles + tile) * STAGE_KEYS * F::PARTS * s.head;
  // Large heads are read twice: registers hold 128 lanes of a warp's rows.
  float x[ROWS][4], mine = 0.0f, unit = 1.0f;
  auto load = [&](int from) {
    UNROLL for (int i = 0; i < ROWS; i++) {
      int j = i * WARPS + warp, d = from + first;
      const unsigned char *row = side.data;
      const float *scale = 0;
      if (j < count) kv_locate(&side, tile * STAGE_KEYS + j, 1, &row, &scale);
      float stored = side.tokenScales && j < count ? *scale : 1.0f;
      float factor = kv_token_scale(s.p.kvDtype, stored), zero = kv_token_zero(s.p.kvDtype, stored);
      const float *floats = s.p.kvDtype == KV_FLOAT32 ? (const float *)row + d : 0;
      stage_load(x[i], floats, j < count ? (int)side.size - d : 0,
                 [&](int k) { return (kv_load(s.p.kvDtype, row, d + k) - zero) * factor; });
    }
  };
  for (int from = mask_max(0, s.head - 128); F::UNITS && from >= 0; from -= 128) {
    load(from);
    UNROLL for (int i = 0; i < ROWS; i++) mine = fmaxf(mine, stage_largest(x[i]));
  }
  if (F::UNITS) {
    mine = warp_max(mine);
    if (threadIdx.x % 32 == 0) largest[warp] = mine;
    __syncthreads();
    UNROLL for (int i = 0; i < WARPS; i++) mine = fmaxf(mine, largest[i]);
    unit = stage_unit(mine);
    if (threadIdx.x == 0) s.units[head * s.keyTiles + tile] = 1.0f / unit;
  }
  for (int from = 0; from < s.head; from += 128) {
    if (!F::UNITS || from > 0) load(from);
    if (from + first >= s.head) continue;
    UNROLL for (int i = 0; i < ROWS; i++) {
      UNROLL for (int k = 0; k < 4; k++) x[i][k] *= unit;
      stage_store<F>(to + (i * WARPS + warp) * F::PARTS * s.head, s.head, from + first, x[i]);
    }
  }
}

#endif

// One warpgroup of the Hopper path: products with a tile of keys or values, masks and softmax in registers.
#ifndef TFJS_ATTENTION_CUDA_HOPPER_GROUP_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_GROUP_CUH
#include "hopper_tile.cuh"
#include "wgmma.cuh"

/** A thread's two rows, 8 apart: bounds, and the softmax in base 2. */
struct HopperRows {
  int lo[2], hi[2];
  float m[2], l[2];
  /** From products to scores in base 2, before a key tile's unit. */
  float scale[2];
};

template <class S, bool HALF>
struct HopperGroup {
  static constexpr int SCORES = S::KEYS / 2, SUMS = S::HEAD / 2, STEPS = S::KEYS / 16;
  float s[SCORES], o[SUMS];
  u32 weights[S::PARTS][S::KEYS / 4];
};

HOOK u32 pack_half(float a, float b) {
  __half2 x = __floats2half2_rn(a, b);
  return *(u32 *)&x;
}
HOOK u32 pack_bfloat(float a, float b) {
  __nv_bfloat162 x = __floats2bfloat162_rn(a, b);
  return *(u32 *)&x;
}

template <class S, bool HALF>
HOOK void hopper_scores(HopperGroup<S, HALF> &g, u32 q, u32 k) {
  constexpr int BLOCKS = S::HEAD / 64, Q_CHUNK = GROUP_TOKENS * 128, K_CHUNK = S::KEYS * 128;
  wgmma_fence();
  // Small products first: low parts meet high ones before high meets high.
  UNROLL for (int pair = S::PARTS == 1 ? 2 : 0; pair < 3; pair++) {
    int qPart = pair == 0, kPart = pair == 1;
    UNROLL for (int d = 0; d < S::HEAD / 16; d++) {
      u32 a = q + (qPart * BLOCKS + d / 4) * Q_CHUNK + d % 4 * 32;
      u32 b = k + (kPart * BLOCKS + d / 4) * K_CHUNK + d % 4 * 32;
      int more = d > 0 || (S::PARTS > 1 && pair > 0);
      if (HALF) wgmma_keys_f16(g.s, wgmma_operand(a, 16), wgmma_operand(b, 16), more);
      else wgmma_keys_bf16(g.s, wgmma_operand(a, 16), wgmma_operand(b, 16), more);
    }
  }
  wgmma_commit();
}

template <class S, bool HALF>
HOOK void hopper_values(HopperGroup<S, HALF> &g, float (&sums)[S::HEAD / 2], u32 v, int accumulate) {
  constexpr int BLOCKS = S::HEAD / 64, CHUNK = S::KEYS * 128;
  wgmma_fence();
  UNROLL for (int pair = S::PARTS == 1 ? 2 : 0; pair < 3; pair++) {
    int wPart = pair == 0, vPart = pair == 1;
    UNROLL for (int step = 0; step < S::KEYS / 16; step++) {
      unsigned long long b = wgmma_operand(v + vPart * BLOCKS * CHUNK + step * 2048, CHUNK);
      const u32 *a = &g.weights[wPart][4 * step];
      int more = accumulate || step > 0 || (S::PARTS > 1 && pair > 0);
      if (HALF) wgmma_values_f16(sums, a, b, more);
      else wgmma_values_bf16(sums, a, b, more);
    }
  }
  wgmma_commit();
}

/** First of the two tokens of this thread. */
HOOK int hopper_token(const HopperTile &t) {
  return t.token + (threadIdx.x / GROUP - 1) * GROUP_TOKENS + threadIdx.x % GROUP / 32 * 16 + threadIdx.x % 32 / 4;
}

template <class S, bool HALF>
HOOK void hopper_mask(HopperGroup<S, HALF> &g, const HopperRows &r, int key) {
  int column = key + threadIdx.x % 4 * 2;
  UNROLL for (int i = 0; i < HopperGroup<S, HALF>::SCORES; i++) {
    int j = column + i / 4 * 8 + i % 2, side = i / 2 % 2;
    g.s[i] = mask_inside(r.lo[side], r.hi[side], j) ? g.s[i] : SOFTMAX_NONE;
  }
}

/** With two parts, weights are multiplied by this: their low parts then stay far above float16's smallest numbers. */
#define HOPPER_LIFT 0x1p13f

/** Scores to weights, in place; returns in `rescale` what earlier sums are to be multiplied with. */
template <class S, bool HALF>
HOOK bool hopper_softmax(HopperGroup<S, HALF> &g, HopperRows &r, float unit, float (&rescale)[2]) {
  constexpr float SLACK = S::PARTS == 1 ? 6.0f : 0.0f;
  bool rose = false;
  UNROLL for (int side = 0; side < 2; side++) {
    float scale = r.scale[S::PARTS == 1 ? 0 : side] * unit, most = SOFTMAX_NONE;
    UNROLL for (int i = 0; i < HopperGroup<S, HALF>::SCORES / 2; i++) {
      most = fmaxf(most, g.s[i / 2 * 4 + side * 2 + i % 2]);
    }
    most = fmaxf(most, __shfl_xor_sync(~0u, most, 1));
    most = fmaxf(most, __shfl_xor_sync(~0u, most, 2));
    float top = most * scale, before = r.m[side];
    float now = top > before + SLACK ? top : before;
    rescale[side] = before == now ? 1.0f : exp2_fast(before - now);
    rose |= now > before;
    r.m[side] = now;
    float shift = softmax_shift(now), sum = 0.0f;
    UNROLL for (int i = 0; i < HopperGroup<S, HALF>::SCORES / 2; i++) {
      float &x = g.s[i / 2 * 4 + side * 2 + i % 2];
      x = exp2_fast(fmaf(x, scale, -shift));
      sum += x;
    }
    r.l[side] = fmaf(r.l[side], rescale[side], sum);
  }
  return rose;
}

/** Weights as the A operand of P V: the layout of scores is that of A, four registers for 16 keys. */
template <class S, bool HALF>
HOOK void hopper_pack(HopperGroup<S, HALF> &g) {
  UNROLL for (int i = 0; i < S::KEYS / 4; i++) {
    float a = g.s[2 * i], b = g.s[2 * i + 1];
    if (S::PARTS > 1) a *= HOPPER_LIFT, b *= HOPPER_LIFT;
    g.weights[0][i] = HALF ? pack_half(a, b) : pack_bfloat(a, b);
    if (S::PARTS > 1) {
      float2 high = __half22float2(*(__half2 *)&g.weights[0][i]);
      g.weights[S::PARTS - 1][i] = pack_half(a - high.x, b - high.y);
    }
  }
}

/** Zeroes values past the sequence's end, whose bytes may be NaN; all consumers meet here. */
template <class S>
HOOK void hopper_clear_tail(unsigned char *v, int begin) {
  int thread = threadIdx.x - GROUP, rows = S::KEYS - begin;
  for (int i = thread; i < rows * 8 * S::CHUNKS; i += S::GROUPS * GROUP) {
    int chunk = i / (rows * 8), rest = i % (rows * 8);
    *(uint4 *)(v + chunk * S::KEYS * 128 + begin * 128 + rest * 16) = make_uint4(0, 0, 0, 0);
  }
  proxy_fence();
  named_sync(8, S::GROUPS * GROUP);
}

#endif

// The products of one warpgroup of the Hopper path with a tile of keys or values.
#ifndef TFJS_ATTENTION_CUDA_HOPPER_PRODUCTS_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_PRODUCTS_CUH
#include "hopper_tile.cuh"
#include "tile_state.cuh"
#include "wgmma.cuh"

template <class S>
HOOK void hopper_scores(TileState<S> &g, u32 q, u32 k) {
  constexpr int BLOCKS = S::HEAD / 64, Q_CHUNK = GROUP_TOKENS * 128, K_CHUNK = S::KEYS * 128;
  u32 queries = wgmma_base(S::PARTS == 1 ? q : recomputed(q), 16), keys = wgmma_base(k, 16);
  wgmma_fence();
  // Small products first: low parts meet high ones before high meets high.
  UNROLL for (int pair = S::PARTS == 1 ? 2 : 0; pair < 3; pair++) {
    int qPart = pair == 0, kPart = pair == 1;
    UNROLL for (int d = 0; d < S::HEAD / 16; d++) {
      unsigned long long a = wgmma_operand(queries, (qPart * BLOCKS + d / 4) * Q_CHUNK + d % 4 * 32);
      unsigned long long b = wgmma_operand(keys, (kPart * BLOCKS + d / 4) * K_CHUNK + d % 4 * 32);
      int more = d > 0 || (S::PARTS > 1 && pair > 0);
      if (S::HALF) wgmma_keys_f16(g.s, a, b, more);
      else wgmma_keys_bf16(g.s, a, b, more);
    }
  }
  wgmma_commit();
}

template <class S>
HOOK void hopper_values(TileState<S> &g, float (&sums)[S::HEAD / 2], u32 v, int accumulate) {
  constexpr int BLOCKS = S::HEAD / 64, CHUNK = S::KEYS * 128;
  u32 values = wgmma_base(v, CHUNK);
  wgmma_fence();
  UNROLL for (int pair = S::PARTS == 1 ? 2 : 0; pair < 3; pair++) {
    int wPart = pair == 0, vPart = pair == 1;
    UNROLL for (int step = 0; step < S::KEYS / 16; step++) {
      unsigned long long b = wgmma_operand(values, vPart * BLOCKS * CHUNK + step * 2048);
      const u32 *a = &g.weights[wPart][4 * step];
      int more = accumulate || step > 0 || (S::PARTS > 1 && pair > 0);
      if (S::HALF) wgmma_values_f16(sums, a, b, more);
      else wgmma_values_bf16(sums, a, b, more);
    }
  }
  wgmma_commit();
}

/** Zeroes values past the sequence's end, whose bytes may be NaN; all consumers meet here. */
template <class S>
HOOK void hopper_clear_tail(unsigned char *v, int begin) {
  int thread = threadIdx.x - S::FIRST_THREAD, rows = S::KEYS - begin;
  for (int i = thread; i < rows * 8 * S::CHUNKS; i += S::GROUPS * GROUP) {
    int chunk = i / (rows * 8), rest = i % (rows * 8);
    *(uint4 *)(v + chunk * S::KEYS * 128 + begin * 128 + rest * 16) = make_uint4(0, 0, 0, 0);
  }
  proxy_fence();
  named_sync(8, S::GROUPS * GROUP);
}

#endif

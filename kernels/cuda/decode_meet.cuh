// How the warps of a decode block join their states of the same rows, always in order.
#ifndef TFJS_ATTENTION_CUDA_DECODE_MEET_CUH
#define TFJS_ATTENTION_CUDA_DECODE_MEET_CUH
#include "decode_stream.cuh"

/** Weights times this lie in float16's upper range: their low parts then stay above its smallest numbers. */
#define DECODE_LIFT 512.0f

/** A warp's state: value lanes of a tile by rows, as the products leave them. */
template <class S>
struct DecodeState {
  float o[S::TILES][S::BLOCKS][4], m[S::BLOCKS][2], l[S::BLOCKS][2];
};

/** Lane of the value that o[tile][block][2 * half ...] of this thread stands for. */
template <class S>
HOOK int decode_value_lane(int tile, int half) {
  int mine = threadIdx.x % 32 / 4;
  return tile * 16 + (S::BYTES ? mine * 2 + half : mine + half * 8);
}

/** The warps' states become one: [row][HEAD] sums, m, l a warp in shared memory. */
template <class S>
HOOK void decode_meet(const Launch &c, const Sequence &s, int b, int kvHead, int row0, int split, float *states,
                      DecodeState<S> &state) {
  constexpr int ROW = S::HEAD + 2, NEXT = S::ROWS * ROW, CHUNKS = S::HEAD / 32;
  constexpr float UNIT = S::HALF ? 1.0f / DECODE_LIFT : 1.0f;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  UNROLL for (int i = 0; i < S::ROWS / 4; i++) {
    int block = i / 2, side = i % 2;
    float *row = states + (warp * S::ROWS + block * 8 + lane % 4 * 2 + side) * ROW, l = state.l[block][side];
    UNROLL for (int step = 4; step < 32; step *= 2) l += __shfl_xor_sync(~0u, l, step);
    UNROLL for (int tile = 0; tile < S::TILES; tile++) UNROLL for (int half = 0; half < 2; half++) {
      row[decode_value_lane<S>(tile, half)] = state.o[tile][block][2 * half + side] * UNIT;
    }
    if (lane < 4) row[S::HEAD] = state.m[block][side] * LN2, row[S::HEAD + 1] = l;
  }
  __syncthreads();
  for (int r = warp; r < S::ROWS && row0 + r < s.rows; r += S::WARPS) {
    const float *rows = states + r * ROW;
    float m = SOFTMAX_NONE, l = 0.0f, share[S::WARPS], sums[CHUNKS];
    UNROLL for (int i = 0; i < S::WARPS; i++) m = vf_max(m, rows[i * NEXT + S::HEAD]);
    float shift = softmax_shift(m);
    UNROLL for (int i = 0; i < S::WARPS; i++) {
      share[i] = softmax_rescale(rows[i * NEXT + S::HEAD], shift);
      l = fmaf(rows[i * NEXT + S::HEAD + 1], share[i], l);
    }
    UNROLL for (int chunk = 0; chunk < CHUNKS; chunk++) {
      sums[chunk] = 0.0f;
      UNROLL for (int i = 0; i < S::WARPS; i++) {
        if (share[i] != 0.0f) sums[chunk] = fmaf(rows[i * NEXT + chunk * 32 + lane], share[i], sums[chunk]);
      }
    }
    SoftmaxResult result = softmax_finish(m, l, row_sink(&c.p, &c.o, row_head(&s, kvHead, row0 + r)));
    float factor = result.factor * value_scale(&c.p, &c.o, kvHead);
    address out = out_at(c, &s, b, kvHead, row0 + r);
    float *partial = c.splits > 1 ? state_at(c, split, b, kvHead, row0 + r) : 0;
    UNROLL for (int chunk = 0; chunk < CHUNKS; chunk++) {
      int d = chunk * 32 + lane;
      if (d >= c.p.valueHeadSize) continue;
      if (partial) partial[d] = sums[chunk];
      else store_as(c.outDtype, c.o.out, out + d, sums[chunk] * factor);
    }
    if (lane != 0) continue;
    if (partial) partial[c.p.valueHeadSize] = m, partial[c.p.valueHeadSize + 1] = l;
    else write_lse(c, &s, b, kvHead, row0 + r, result.lse);
  }
}

#endif

// A decode block's query rows in registers, as the products take them.
#ifndef TFJS_ATTENTION_CUDA_DECODE_QUERIES_CUH
#define TFJS_ATTENTION_CUDA_DECODE_QUERIES_CUH
#include "decode_stream.cuh"
#include "stage.cuh"

template <class S>
struct DecodeQueries {
  /** Row lane / 4 of each block of rows; lanes as decode_lane says. */
  u32 words[S::BLOCKS][S::TILES][S::PARTS][2];
  /** From products to scores, of rows lane % 4 * 2 and the next. */
  float scale[S::BLOCKS][2];
};

/**
 * First of two lanes of the head that word `half` of product step `step` holds. 8-bit rows come four lanes a thread,
 * which the products take for places 2t, 2t + 1, 2t + 8, 2t + 9: queries are permuted alike.
 */
template <class S>
HOOK int decode_lane(int step, int half) {
  int place = threadIdx.x % 4;
  return step * 16 + (S::BYTES ? place * 4 + half * 2 : place * 2 + half * 8);
}

/** Each row is multiplied by a power of two, which its scale takes back. */
template <class S>
HOOK void decode_load_queries(const Launch &c, const Sequence &s, int b, int kvHead, int row0, DecodeQueries<S> &to) {
  int lane = threadIdx.x % 32;
  UNROLL for (int block = 0; block < S::BLOCKS; block++) {
    address at = query_at(c, &s, b, kvHead, mask_min(row0 + block * 8 + lane / 4, s.rows - 1));
    float x[S::TILES][2][2], largest = 0.0f;
    UNROLL for (int step = 0; step < S::TILES; step++) UNROLL for (int i = 0; i < 4; i++) {
      int d = decode_lane<S>(step, i / 2) + i % 2;
      float &q = x[step][i / 2][i % 2];
      q = d < c.p.headSize ? load_as(c.qDtype, c.o.q, at + d) : 0.0f;
      largest = fmaxf(largest, stage_size(q));
    }
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 1));
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 2));
    float unit = stage_unit(largest);
    UNROLL for (int step = 0; step < S::TILES; step++) UNROLL for (int half = 0; half < 2; half++) {
      float y = x[step][half][0] * unit, z = x[step][half][1] * unit;
      UNROLL for (int part = 0; part < S::PARTS; part++) to.words[block][step][part][half] = mma_part<S::HALF>(y, z);
    }
    UNROLL for (int i = 0; i < 2; i++) {
      to.scale[block][i] = key_scale(&c.p, &c.o, kvHead) / __shfl_sync(~0u, unit, (lane % 4 * 2 + i) * 4);
    }
  }
}

#endif

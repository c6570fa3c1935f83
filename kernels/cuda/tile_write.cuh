// How a warp of prefill ends its rows.
#ifndef TFJS_ATTENTION_CUDA_TILE_WRITE_CUH
#define TFJS_ATTENTION_CUDA_TILE_WRITE_CUH
#include "tile_state.cuh"

/** Rows of 8 lanes a quad holds become 16-byte pieces: lane c of the quad ends with words of column block c. */
HOOK void quad_transpose(u32 (&w)[4]) {
  int lane = threadIdx.x % 4;
  UNROLL for (int step = 1; step <= 2; step *= 2) {
    UNROLL for (int i = 0; i < 4; i++) {
      if (i & step) continue;
      bool upper = lane & step;
      u32 send = upper ? w[i] : w[i | step];
      u32 got = __shfl_xor_sync(~0u, send, step);
      if (upper) w[i] = got;
      else w[i | step] = got;
    }
  }
}

/** Elements of a row of the output; also where its lse lies. */
HOOK address tile_row(const WorkTile &t, int token, int batch, int perToken, int head) {
  return (address)(u32)t.b * (u32)batch + (address)(u32)(t.start + token) * (u32)perToken + (u32)t.head * (u32)head;
}

HOOK void tile_mark(const Launch &c, const WorkTile &t, int token, bool bad) {
  if (threadIdx.x % 32 != 0 || token >= t.length) return;
  c.redo[((address)t.b * c.p.numHeads + t.head) * c.redoTiles + token / REDO_TOKENS] = bad;
}

/** Rows that see no key. */
template <class S>
HOOK void tile_write_none(const Work &w, const WorkTile &t) {
  const Launch &c = w.c;
  int first = tile_token<S>(t) - threadIdx.x % 32 / 4;
  tile_mark(c, t, first, false);
  for (int token = first; token < mask_min(first + 16, t.length); token++) {
    address row = tile_row(t, token, c.p.outStrideBatch, c.p.outStrideToken, c.p.outStrideHead);
    for (int d = threadIdx.x % 32; d < c.p.valueHeadSize; d += 32) store_as(c.outDtype, c.o.out, row + d, 0.0f);
    if (threadIdx.x % 32 == 0 && c.o.lse) {
      c.o.lse[tile_row(t, token, c.p.lseStrideBatch, c.p.lseStrideToken, c.p.lseStrideHead)] = SOFTMAX_NONE;
    }
  }
}

template <class S>
HOOK void tile_write(const Work &w, const WorkTile &t, TileState<S> &g, TileRows &r) {
  const Launch &c = w.c;
  int lane = threadIdx.x % 32;
  int first = tile_token<S>(t) - lane / 4;
  float sink = row_sink(&c.p, &c.o, t.head), valueScale = value_scale(&c.p, &c.o, t.kvHead);
  bool bad = false;
  UNROLL for (int i = 0; i < TileState<S>::SUMS; i++) bad |= !(fabsf(g.o[i]) <= 3.402823466e38f);
  tile_mark(c, t, first, __any_sync(~0u, bad));
  UNROLL for (int side = 0; side < 2; side++) {
    int token = first + lane / 4 + side * 8;
    float l = r.l[side];
    l += __shfl_xor_sync(~0u, l, 1);
    l += __shfl_xor_sync(~0u, l, 2);
    SoftmaxResult result = softmax_finish(r.m[side] * LN2, l, sink);
    float factor = result.factor * valueScale * (S::UNITS ? 1.0f / TILE_LIFT : 1.0f);
    bool inside = token < t.length;
    address row = tile_row(t, token, c.p.outStrideBatch, c.p.outStrideToken, c.p.outStrideHead);
    if (inside && lane % 4 == 0 && c.o.lse) {
      c.o.lse[tile_row(t, token, c.p.lseStrideBatch, c.p.lseStrideToken, c.p.lseStrideHead)] = result.lse;
    }
    if (c.outDtype == KV_FLOAT32) {
      UNROLL for (int i = 0; i < S::HEAD / 8; i++) {
        int d = i * 8 + lane % 4 * 2;
        float2 x = make_float2(g.o[4 * i + 2 * side] * factor, g.o[4 * i + 2 * side + 1] * factor);
        if (inside && d < c.p.valueHeadSize) *(float2 *)((float *)c.o.out + row + d) = x;
      }
      continue;
    }
    UNROLL for (int i = 0; i < S::HEAD / 32; i++) {
      u32 w[4];
      UNROLL for (int j = 0; j < 4; j++) {
        float x = g.o[(4 * i + j) * 4 + 2 * side] * factor, y = g.o[(4 * i + j) * 4 + 2 * side + 1] * factor;
        w[j] = c.outDtype == KV_FLOAT16 ? pack_half(x, y) : pack_bfloat(x, y);
      }
      quad_transpose(w);
      int d = i * 32 + lane % 4 * 8;
      if (inside && d < c.p.valueHeadSize) {
        *(uint4 *)((unsigned short *)(void *)c.o.out + row + d) = make_uint4(w[0], w[1], w[2], w[3]);
      }
    }
  }
}

#endif

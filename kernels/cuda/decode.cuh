// Few query rows against many keys, on mma.sync and cp.async. A block has 8 or 16 rows of a KV head (tokens and the
// heads of a group together, so keys are read once) and a split of the keys. Its warps are on their own: each streams
// 16 or 32 keys at a time through a ring of its own and keeps a state of its own; they meet at the end. Products are
// transposed, keys (values' lanes) by rows, so that few rows fill an instruction. Stored 16- and 8-bit numbers are
// exact in the 16-bit type of the products. For float32's accuracy queries and weights go in as two (float16) or three
// (bfloat16) parts, for 16-bit precision as one.
#ifndef TFJS_ATTENTION_CUDA_DECODE_CUH
#define TFJS_ATTENTION_CUDA_DECODE_CUH
#include "decode_queries.cuh"
#include "decode_meet.cuh"
#include "stored.cuh"

/** Scores of a piece: [block of rows]: key lane / 4 (+ 8 from [2] on), row lane % 4 * 2 (+ 1). */
template <class S>
using DecodeScores = float[S::SPAN][S::BLOCKS][4];

template <class S>
HOOK void decode_scores(const DecodeQueries<S> &queries, u32 stage, DecodeScores<S> &s) {
  int lane = threadIdx.x % 32;
  float sums[S::SPAN][S::BLOCKS][S::SUMS][4] = {};
  auto product = [&](int span, int step, uint4 k) {
    UNROLL for (int block = 0; block < S::BLOCKS; block++) UNROLL for (int part = 0; part < S::PARTS; part++) {
      mma_16<S::HALF>(sums[span][block][(S::EXACT ? part : step) % S::SUMS], k, queries.words[block][step][part]);
    }
  };
  UNROLL for (int step = 0; step < S::TILES; step += S::BYTES ? 2 : 1) {
    UNROLL for (int span = 0; span < S::SPAN; span++) {
      u32 raw[4], keys = stage + span * S::PIECE;
      load_matrices(raw, keys + decode_piece<S>(lane % 16, (S::BYTES ? step : step * 2) + lane / 16));
      if (S::BYTES) {
        // Keys 0-7 and 8-15 of this step, then of the next.
        UNROLL for (int half = 0; half < 2; half++) {
          u32 low[2], high[2];
          stored_widen<S::DTYPE>(raw[2 * half], low);
          stored_widen<S::DTYPE>(raw[2 * half + 1], high);
          product(span, step + half, make_uint4(low[0], high[0], low[1], high[1]));
        }
      } else {
        product(span, step, *(uint4 *)raw);
      }
    }
  }
  UNROLL for (int i = 0; i < S::SPAN * S::BLOCKS * 4; i++) {
    float sum = 0.0f;
    UNROLL for (int j = S::SUMS - 1; j >= 0; j--) sum += sums[i / 4 / S::BLOCKS][i / 4 % S::BLOCKS][j][i % 4];
    s[i / 4 / S::BLOCKS][i / 4 % S::BLOCKS][i % 4] = sum;
  }
}

/** o += weights * values. Of 8-bit rows, a tile's first eight rows are its even lanes, the others its odd ones. */
template <class S>
HOOK void decode_values(DecodeState<S> &state, const u32 (&weights)[S::SPAN][S::BLOCKS][S::PARTS][2], u32 stage) {
  int lane = threadIdx.x % 32;
  auto product = [&](int span, int tile, uint4 v) {
    UNROLL for (int block = 0; block < S::BLOCKS; block++) UNROLL for (int part = S::PARTS - 1; part >= 0; part--) {
      mma_16<S::HALF>(state.o[tile][block], v, weights[span][block][part]);
    }
  };
  UNROLL for (int tile = 0; tile < S::TILES; tile += S::BYTES ? 2 : 1) {
    UNROLL for (int span = 0; span < S::SPAN; span++) {
      u32 raw[4], values = stage + span * S::PIECE + S::SIDE;
      if (S::BYTES) {
        load_matrices_transposed(raw, values + decode_piece<S>(lane % 16, tile + lane / 16));
        UNROLL for (int half = 0; half < 2; half++) {
          uint4 v;
          stored_widen_columns<S::DTYPE>(raw[2 * half], &v.x, &v.y);
          stored_widen_columns<S::DTYPE>(raw[2 * half + 1], &v.z, &v.w);
          product(span, tile + half, v);
        }
      } else {
        load_matrices_transposed(raw, values + decode_piece<S>(lane % 8 + lane / 16 * 8, tile * 2 + lane / 8 % 2));
        product(span, tile, *(uint4 *)raw);
      }
    }
  }
}

/** A stored value of a stage, before its scale. */
template <class S>
HOOK float decode_stored(const unsigned char *values, int j, int d) {
  u32 at = decode_piece<S>(j, d * S::WIDTH / 16) + d * S::WIDTH % 16;
  return kv_load(S::DTYPE, values + at, 0);
}

/**
 * Values that are NaN or infinite, in a step that hides keys: each goes to the rows that see it, and zeros take its
 * place, since a weight of 0 would not hide it from the product.
 */
template <class S>
HOOK void decode_add_bad(DecodeState<S> &state, const float (&weights)[S::BLOCKS][4], u32 seen, unsigned char *values,
                         int size) {
  int lane = threadIdx.x % 32;
  for (int j = 0; j < DECODE_STEP; j++) {
    bool bad = false;
    for (int d = lane; d < size; d += 32) bad |= !(fabsf(decode_stored<S>(values, j, d)) <= 3.402823466e38f);
    if (!__any_sync(~0u, bad)) continue;
    int holder = j % 8 * 4 + lane % 4;
    u32 sees = __shfl_sync(~0u, seen, holder);
    UNROLL for (int block = 0; block < S::BLOCKS; block++) UNROLL for (int i = 0; i < 2; i++) {
      float weight = __shfl_sync(~0u, j < 8 ? weights[block][i] : weights[block][2 + i], holder);
      if (!(sees >> (block * 4 + j / 8 * 2 + i) & 1)) continue;
      UNROLL for (int tile = 0; tile < S::TILES; tile++) UNROLL for (int half = 0; half < 2; half++) {
        int d = decode_value_lane<S>(tile, half);
        if (d < size) state.o[tile][block][2 * half + i] += weight * decode_stored<S>(values, j, d);
      }
    }
    __syncwarp();
    for (int piece = lane; piece < S::PIECES; piece += 32) {
      *(uint4 *)(values + (j * S::PIECES + piece) * 16) = make_uint4(0, 0, 0, 0);
    }
    __syncwarp();
  }
}

/** Where a block of the decode kernel stands: rows [row0, ...) of a KV head of a sequence. */
struct DecodePlace {
  int b, kvHead, row0;
};

/** The scores of a step, with features, masks and units, in base 2; bit block * 4 + i of the result: it is visible. */
template <class S>
HOOK u32 decode_finish_scores(const Launch &c, const Sequence &sequence, const DecodePlace &place,
                              const DecodeStream &t, int at, const DecodeQueries<S> &queries, const float *tokenScales,
                              int covered, float (&s)[S::BLOCKS][4]) {
  int lane = threadIdx.x % 32, mine = lane / 4;
  float token[2] = {1.0f, 1.0f};
  if (S::BYTES && t.mine.tokenScales) token[0] = tokenScales[mine], token[1] = tokenScales[mine + 8];
  float unit = covered ? LOG2E : 1.0f;
  UNROLL for (int block = 0; block < S::BLOCKS; block++) UNROLL for (int i = 0; i < 4; i++) {
    float scale = queries.scale[block][i % 2] * unit;
    s[block][i] *= S::BYTES ? scale * token[i / 2] : scale;
  }
  if (covered) return ~0u;
  int features = score_features(&c.p);
  u32 seen = 0;
  UNROLL for (int block = 0; block < S::BLOCKS; block++) UNROLL for (int i = 0; i < 2; i++) {
    RowFacts facts;
    row_facts(&c.p, &c.o, &sequence, place.b, place.kvHead, place.row0 + block * 8 + lane % 4 * 2 + i, &facts);
    UNROLL for (int half = 0; half < 2; half++) {
      float &x = s[block][2 * half + i];
      int ordinal = at + mine + 8 * half;
      bool inside = ordinal < t.end;
      int key = mask_key(t.range, inside ? ordinal : t.end - 1);
      x = inside ? row_score(&c.p, &facts, x, key, features, 0) : SOFTMAX_NONE;
      seen |= (u32)!(x == SOFTMAX_NONE) << (block * 4 + 2 * half + i);
      x *= LOG2E;
    }
  }
  return seen;
}

/** Scores, in base 2, to weights. All rows' m follow their largest scores when one of them lags by more than SLACK. */
template <class S>
HOOK void decode_softmax(DecodeState<S> &state, DecodeScores<S> &s, const u32 (&seen)[S::SPAN]) {
  constexpr float SLACK = 6.0f;
  bool rose = false;
  UNROLL for (int span = 0; span < S::SPAN; span++) UNROLL for (int i = 0; i < S::BLOCKS * 4; i++) {
    rose |= s[span][i / 4][i % 4] > state.m[i / 4][i % 2] + SLACK;
  }
  if (__any_sync(~0u, rose)) {
    UNROLL for (int block = 0; block < S::BLOCKS; block++) UNROLL for (int i = 0; i < 2; i++) {
      float most = SOFTMAX_NONE;
      UNROLL for (int j = 0; j < 2 * S::SPAN; j++) most = vf_max(most, s[j / 2][block][j % 2 * 2 + i]);
      UNROLL for (int step = 4; step < 32; step *= 2) most = vf_max(most, __shfl_xor_sync(~0u, most, step));
      float before = state.m[block][i], now = vf_max(before, most);
      float rescale = exp2_fast(before - softmax_shift(now));
      state.l[block][i] *= rescale;
      UNROLL for (int tile = 0; tile < S::TILES; tile++) UNROLL for (int half = 0; half < 2; half++) {
        state.o[tile][block][2 * half + i] *= rescale;
      }
      state.m[block][i] = now;
    }
  }
  UNROLL for (int span = 0; span < S::SPAN; span++) UNROLL for (int i = 0; i < S::BLOCKS * 4; i++) {
    float &x = s[span][i / 4][i % 4];
    x = seen[span] >> i & 1 ? exp2_fast(x - softmax_shift(state.m[i / 4][i % 2])) : 0.0f;
    state.l[i / 4][i % 2] += x;
  }
}

template <class S>
HOOK void decode_step(const Launch &c, const Sequence &sequence, const DecodePlace &place, const DecodeStream &t,
                      int at, const DecodeQueries<S> &queries, unsigned char *stage, int covered,
                      DecodeState<S> &state) {
  DecodeScores<S> s;
  u32 seen[S::SPAN], weights[S::SPAN][S::BLOCKS][S::PARTS][2];
  decode_scores<S>(queries, shared_at(stage), s);
  UNROLL for (int span = 0; span < S::SPAN; span++) {
    const float *scales = (const float *)(stage + span * S::PIECE + 2 * S::SIDE);
    int first = at + span * DECODE_STEP;
    seen[span] = decode_finish_scores<S>(c, sequence, place, t, first, queries, scales, covered, s[span]);
  }
  decode_softmax<S>(state, s, seen);
  UNROLL for (int span = 0; span < S::SPAN; span++) {
    unsigned char *piece = stage + span * S::PIECE;
    UNROLL for (int half = 0; half < 2; half++) {
      float value = S::HALF ? DECODE_LIFT : 1.0f;
      if (S::BYTES && t.mine.tokenScales) {
        value *= ((const float *)(piece + 2 * S::SIDE))[16 + threadIdx.x % 32 / 4 + 8 * half];
      }
      if (S::HALF) UNROLL for (int i = 0; i < 2 * S::BLOCKS; i++) s[span][i / 2][2 * half + i % 2] *= value;
    }
    if (!covered) decode_add_bad<S>(state, s[span], seen[span], piece + S::SIDE, c.p.valueHeadSize);
    UNROLL for (int block = 0; block < S::BLOCKS; block++) UNROLL for (int half = 0; half < 2; half++) {
      float x = s[span][block][2 * half], y = s[span][block][2 * half + 1];
      UNROLL for (int part = 0; part < S::PARTS; part++) {
        weights[span][block][part][half] = transpose_matrix(mma_part<S::HALF>(x, y));
      }
    }
  }
  decode_values<S>(state, weights, shared_at(stage));
}

/** Blocks are (row tile and split, KV head, sequence). */
template <class S>
__global__ void __launch_bounds__(S::THREADS, 1) decode_attention(const __grid_constant__ Launch c) {
  extern __shared__ uint4 memory[];
  launch_dependents();
  DecodePlace place = {(int)blockIdx.z, (int)blockIdx.y, (int)(blockIdx.x / c.splits) * S::ROWS};
  int split = blockIdx.x % c.splits, warp = threadIdx.x / 32, lane = threadIdx.x % 32, begin;
  Sequence s = sequence_at(&c.p, &c.o, place.b);
  if (place.row0 >= s.rows) return;
  unsigned char *ring = (unsigned char *)memory + warp * S::STAGES * S::STAGE;
  MaskBounds first = row_bounds(&c.p, &s, place.row0), last = row_bounds(&c.p, &s, place.row0 + S::ROWS - 1);
  KvSide keys = kv_keys(&c.p, &c.o, place.b, place.kvHead), values = kv_values(&c.p, &c.o, place.b, place.kvHead);
  DecodeStream t = {lane < DECODE_STEP ? keys : values, {keys.data, keys.strideBlock, keys.strideToken},
                    {values.data, values.strideBlock, values.strideToken}, c.p.headSize, c.p.valueHeadSize,
                    mask_range(first, last)};
  split_keys(t.range, split, c.splits, DECODE_STEP, &begin, &t.end);

  constexpr int STRIDE = S::WARPS * S::KEYS;
  bool steady = c.p.headSize == S::HEAD && c.p.valueHeadSize == S::HEAD && decode_steady(c, t, begin);
  int at = begin + warp * S::KEYS, fetch = at;
  DecodeStride stride = decode_stride(t, STRIDE);
  DecodeCursor cursors[S::SPAN];
  UNROLL for (int i = 0; i < S::SPAN; i++) cursors[i] = decode_cursor(t, at + i * DECODE_STEP);
  auto start_copy = [&](int stage) {
    u32 to = shared_at(ring + stage * S::STAGE);
    UNROLL for (int i = 0; i < S::SPAN; i++) {
      int from = fetch + i * DECODE_STEP;
      DecodeCursor now = cursors[i];
      decode_advance(t, stride, &cursors[i], from + STRIDE < t.end);
      if (steady && from + DECODE_STEP <= t.end) decode_fetch_steady<S>(t, now, to + i * S::PIECE);
      else if (fetch < t.end) decode_fetch<S>(t, from, to + i * S::PIECE);
    }
    fetch += STRIDE;
    copy_async_commit();
  };
  UNROLL for (int i = 0; i < S::STAGES - 1; i++) start_copy(i);
  DecodeQueries<S> queries;
  decode_load_queries<S>(c, s, place.b, place.kvHead, place.row0, queries);
  DecodeState<S> state = {};
  UNROLL for (int i = 0; i < S::ROWS / 4; i++) state.m[i / 2][i % 2] = SOFTMAX_NONE;
  bool plain = !score_features(&c.p) && !(c.p.flags & FEATURE_MASK);

  for (int stage = 0; at < t.end; at += STRIDE) {
    copy_async_wait<S::STAGES - 2>();
    __syncwarp();
    start_copy(stage == 0 ? S::STAGES - 1 : stage - 1);
    int key = mask_key(t.range, at), keyEnd = key + S::KEYS;
    int covered = plain && at + S::KEYS <= t.end && (key >= t.range.gap || keyEnd <= t.range.gap) &&
                  mask_covers(&c.p, first, last, key, keyEnd);
    decode_step<S>(c, s, place, t, at, queries, ring + stage * S::STAGE, covered, state);
    __syncwarp();
    stage = stage + 1 == S::STAGES ? 0 : stage + 1;
  }
  copy_async_wait<0>();
  __syncthreads();
  decode_meet<S>(c, s, place.b, place.kvHead, place.row0, split, (float *)memory, state);
}

#endif

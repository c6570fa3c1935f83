// Few query rows against many keys, on mma.sync and cp.async. A block has 16 rows of a KV head (tokens and the heads of
// a group together, so keys are read once) and a split of the keys. Its warps are on their own: each streams 16 keys at
// a time through a ring of its own and keeps a state of its own; they meet at the end. Stored 16- and 8-bit numbers are
// exact in the 16-bit type of the products. For float32's accuracy queries and weights go in as two (float16) or three
// (bfloat16) parts, for 16-bit precision as one.
#ifndef TFJS_ATTENTION_CUDA_DECODE_CUH
#define TFJS_ATTENTION_CUDA_DECODE_CUH
#include "decode_stream.cuh"
#include "stage.cuh"
#include "stored.cuh"

/**
 * Lane of the head that place k (0-15) of product step `step` stands for. 8-bit rows come four lanes a thread, which
 * are places 2t, 2t + 1, 2t + 8, 2t + 9: queries are permuted alike.
 */
template <class S>
HOOK int decode_lane(int step, int k) {
  if (!S::BYTES) return step * 16 + k;
  return step * 16 + k % 8 / 2 * 4 + k / 8 * 2 + k % 2;
}

/** Queries as A fragments: [step][part][lane of the warp] 16 bytes, each row times a power of two. */
template <class S>
HOOK void decode_queries(const Launch &c, const Sequence &s, int b, int kvHead, int row0, uint4 *to,
                         float *units) {
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  for (int r = warp; r < DECODE_ROWS; r += S::WARPS) {
    address at = query_at(c, &s, b, kvHead, mask_min(row0 + r, s.rows - 1));
    float largest = 0.0f;
    for (int d = lane; d < c.p.headSize; d += 32) {
      largest = fmaxf(largest, stage_size(load_as(c.qDtype, c.o.q, at + d)));
    }
    largest = warp_max(largest);
    if (lane == 0) units[r] = stage_unit(largest);
  }
  __syncthreads();
  for (int step = warp; step < S::HEAD / 16; step += S::WARPS) {
    u32 words[S::PARTS][4];
    UNROLL for (int i = 0; i < 4; i++) {
      int r = lane / 4 + i % 2 * 8, k = lane % 4 * 2 + i / 2 * 8;
      address at = query_at(c, &s, b, kvHead, mask_min(row0 + r, s.rows - 1));
      float x[2];
      UNROLL for (int j = 0; j < 2; j++) {
        int d = decode_lane<S>(step, k + j);
        x[j] = d < c.p.headSize ? load_as(c.qDtype, c.o.q, at + d) * units[r] : 0.0f;
      }
      UNROLL for (int part = 0; part < S::PARTS; part++) words[part][i] = mma_part<S::HALF>(x[0], x[1]);
    }
    UNROLL for (int part = 0; part < S::PARTS; part++) {
      to[(step * S::PARTS + part) * 32 + lane] = *(uint4 *)words[part];
    }
  }
}

/** A warp's state of 16 rows: a thread has rows lane / 4 and that + 8. */
template <class S>
struct DecodeState {
  float o[S::TILES][4], m[2], l[2];
};

/**
 * Adds a step's products to the scores of 8 keys. Parts and every second step have sums of their own: chains of
 * products that wait for one another are what a step's time is made of.
 */
template <class S>
HOOK void decode_product(float (&s)[S::CHAINS][S::PART_SUMS][4], const uint4 *queries, int step, const u32 *k) {
  UNROLL for (int part = 0; part < S::PARTS; part++) {
    uint4 query = queries[(step * S::PARTS + part) * 32 + threadIdx.x % 32];
    mma_16<S::HALF>(s[step % S::CHAINS][part % S::PART_SUMS], query, k);
  }
}

/** Scores of 16 rows and 16 keys: two tiles of 8 keys. */
template <class S>
HOOK void decode_scores(const uint4 *queries, u32 keys, float (&s)[2][4]) {
  int lane = threadIdx.x % 32;
  float sums[2][S::CHAINS][S::PART_SUMS][4] = {};
  UNROLL for (int step = 0; step < S::HEAD / 16; step += S::BYTES ? 2 : 1) {
    u32 raw[4];
    if (S::BYTES) {
      // Keys 0-7 and 8-15 of this step, then of the next.
      load_matrices(raw, keys + decode_piece<S>(lane % 16, step + lane / 16));
      UNROLL for (int i = 0; i < 4; i++) {
        u32 k[2];
        stored_widen<S::DTYPE>(raw[i], k);
        decode_product<S>(sums[i % 2], queries, step + i / 2, k);
      }
    } else {
      load_matrices(raw, keys + decode_piece<S>(lane % 8 + lane / 16 * 8, step * 2 + lane / 8 % 2));
      UNROLL for (int i = 0; i < 2; i++) decode_product<S>(sums[i], queries, step, raw + 2 * i);
    }
  }
  UNROLL for (int i = 0; i < 2; i++) UNROLL for (int j = 0; j < 4; j++) {
    float sum = 0.0f;
    UNROLL for (int part = S::PART_SUMS - 1; part >= 0; part--) {
      UNROLL for (int chain = 0; chain < S::CHAINS; chain++) sum += sums[i][chain][part][j];
    }
    s[i][j] = sum;
  }
}

/** o += weights * values. Of 8-bit rows, tile 2i has the even lanes of 16 and tile 2i + 1 the odd ones. */
template <class S>
HOOK void decode_values(DecodeState<S> &state, const u32 (&weights)[S::PARTS][4], u32 values) {
  int lane = threadIdx.x % 32, row = lane % 16;
  UNROLL for (int i = 0; i < S::TILES; i += S::BYTES ? 4 : 2) {
    u32 raw[4];
    load_matrices_transposed(raw, values + decode_piece<S>(row, (S::BYTES ? i / 2 : i) + lane / 16));
    if (S::BYTES) {
      UNROLL for (int half = 0; half < 2; half++) {
        u32 even[2], odd[2];
        UNROLL for (int j = 0; j < 2; j++) stored_widen_columns<S::DTYPE>(raw[2 * half + j], &even[j], &odd[j]);
        UNROLL for (int part = S::PARTS - 1; part >= 0; part--) {
          mma_16<S::HALF>(state.o[i + 2 * half], *(uint4 *)weights[part], even);
          mma_16<S::HALF>(state.o[i + 2 * half + 1], *(uint4 *)weights[part], odd);
        }
      }
    } else {
      UNROLL for (int half = 0; half < 2; half++) UNROLL for (int part = S::PARTS - 1; part >= 0; part--) {
        mma_16<S::HALF>(state.o[i + half], *(uint4 *)weights[part], raw + 2 * half);
      }
    }
  }
}

/** Lane of the value that o[tile][i] of this thread stands for. */
template <class S>
HOOK int decode_value_lane(int tile, int i) {
  int column = threadIdx.x % 4 * 2 + i % 2;
  return S::BYTES ? tile / 2 * 16 + column * 2 + tile % 2 : tile * 8 + column;
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
HOOK void decode_add_bad(DecodeState<S> &state, const float (&weights)[2][4], u32 seen, unsigned char *values,
                         int size) {
  int lane = threadIdx.x % 32;
  for (int j = 0; j < DECODE_STEP; j++) {
    bool bad = false;
    for (int d = lane; d < size; d += 32) bad |= !(fabsf(decode_stored<S>(values, j, d)) <= 3.402823466e38f);
    if (!__any_sync(~0u, bad)) continue;
    int holder = lane / 4 * 4 + j % 8 / 2;
    float weight[2];
    u32 sees = __shfl_sync(~0u, seen, holder);
    UNROLL for (int side = 0; side < 2; side++) {
      float even = j < 8 ? weights[0][2 * side] : weights[1][2 * side];
      float odd = j < 8 ? weights[0][2 * side + 1] : weights[1][2 * side + 1];
      weight[side] = __shfl_sync(~0u, j % 2 ? odd : even, holder);
    }
    UNROLL for (int tile = 0; tile < S::TILES; tile++) UNROLL for (int i = 0; i < 4; i++) {
      int d = decode_value_lane<S>(tile, i);
      bool visible = sees >> (j / 8 * 4 + i / 2 * 2 + j % 2) & 1;
      if (visible && d < size) state.o[tile][i] += weight[i / 2] * decode_stored<S>(values, j, d);
    }
    __syncwarp();
    for (int piece = lane; piece < S::PIECES; piece += 32) {
      *(uint4 *)(values + (j * S::PIECES + piece) * 16) = make_uint4(0, 0, 0, 0);
    }
    __syncwarp();
  }
}

/** The scores of a step, with features, masks and units; bit i * 4 + j of the result: s[i][j] is visible. */
template <class S>
HOOK u32 decode_finish_scores(const Launch &c, const Sequence &sequence, int b, int kvHead, int row0,
                              const DecodeStream &t, int at, const float *rowScales, const float *tokenScales,
                              int covered, float (&s)[2][4]) {
  int lane = threadIdx.x % 32, column = lane % 4 * 2;
  float scale[2] = {rowScales[lane / 4], rowScales[lane / 4 + 8]};
  UNROLL for (int i = 0; i < 2; i++) UNROLL for (int j = 0; j < 4; j++) {
    s[i][j] *= t.mine.tokenScales ? scale[j / 2] * tokenScales[i * 8 + column + j % 2] : scale[j / 2];
  }
  if (covered) {
    UNROLL for (int i = 0; i < 8; i++) s[i / 4][i % 4] *= LOG2E;
    return 0xff;
  }
  int features = score_features(&c.p);
  u32 seen = 0;
  UNROLL for (int side = 0; side < 2; side++) {
    RowFacts facts;
    row_facts(&c.p, &c.o, &sequence, b, kvHead, row0 + lane / 4 + side * 8, &facts);
    UNROLL for (int i = 0; i < 4; i++) {
      float &x = s[i / 2][side * 2 + i % 2];
      int place = at + i / 2 * 8 + column + i % 2;
      bool inside = place < t.end;
      int key = mask_key(t.range, inside ? place : t.end - 1);
      x = inside ? row_score(&c.p, &facts, x, key, features, 0) : SOFTMAX_NONE;
      seen |= (u32)!(x == SOFTMAX_NONE) << (i / 2 * 4 + side * 2 + i % 2);
      x *= LOG2E;
    }
  }
  return seen;
}

/** Scores, in base 2, to weights. A row's m follows its largest score when it lags by more than SLACK. */
template <class S>
HOOK void decode_softmax(DecodeState<S> &state, float (&s)[2][4], u32 seen) {
  constexpr float SLACK = 6.0f;
  UNROLL for (int side = 0; side < 2; side++) {
    float most = SOFTMAX_NONE;
    UNROLL for (int i = 0; i < 4; i++) most = vf_max(most, s[i / 2][side * 2 + i % 2]);
    most = vf_max(most, __shfl_xor_sync(~0u, most, 1));
    most = vf_max(most, __shfl_xor_sync(~0u, most, 2));
    float before = state.m[side], now = most > before + SLACK ? most : before, shift = softmax_shift(now), sum = 0.0f;
    if (__any_sync(~0u, now > before)) {
      float rescale = exp2_fast(before - shift);
      state.l[side] *= rescale;
      UNROLL for (int i = 0; i < S::TILES; i++) {
        state.o[i][2 * side] *= rescale;
        state.o[i][2 * side + 1] *= rescale;
      }
      state.m[side] = now;
    }
    UNROLL for (int i = 0; i < 4; i++) {
      float &x = s[i / 2][side * 2 + i % 2];
      x = seen >> (i / 2 * 4 + side * 2 + i % 2) & 1 ? exp2_fast(x - shift) : 0.0f;
      sum += x;
    }
    state.l[side] += sum;
  }
}

/** Weights times this lie in float16's upper range: their low parts then stay above its smallest numbers. */
#define DECODE_LIFT 512.0f

template <class S>
HOOK void decode_step(const Launch &c, const Sequence &sequence, int b, int kvHead, int row0, const DecodeStream &t,
                      int at, const float *rowScales, const uint4 *queries, unsigned char *stage, int covered,
                      DecodeState<S> &state) {
  int column = threadIdx.x % 4 * 2;
  float s[2][4];
  const float *scales = (const float *)(stage + 2 * S::SIDE);
  decode_scores<S>(queries, shared_at(stage), s);
  u32 seen = decode_finish_scores<S>(c, sequence, b, kvHead, row0, t, at, rowScales, scales, covered, s);
  decode_softmax<S>(state, s, seen);
  if (t.mine.tokenScales) {
    UNROLL for (int i = 0; i < 8; i++) s[i / 4][i % 4] *= scales[16 + i / 4 * 8 + column + i % 2];
  }
  if (S::HALF) UNROLL for (int i = 0; i < 8; i++) s[i / 4][i % 4] *= DECODE_LIFT;
  if (!covered) decode_add_bad<S>(state, s, seen, stage + S::SIDE, c.p.valueHeadSize);
  u32 weights[S::PARTS][4];
  UNROLL for (int i = 0; i < 4; i++) {
    float x = s[i / 2][i % 2 * 2], y = s[i / 2][i % 2 * 2 + 1];
    UNROLL for (int part = 0; part < S::PARTS; part++) weights[part][i] = mma_part<S::HALF>(x, y);
  }
  decode_values<S>(state, weights, shared_at(stage + S::SIDE));
}

/** The warps' states become one: [row][HEAD] sums, m, l a warp in shared memory. */
template <class S>
HOOK void decode_meet(const Launch &c, const Sequence &s, int b, int kvHead, int row0, int split, float *states,
                      DecodeState<S> &state) {
  constexpr int ROW = S::HEAD + 2;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  UNROLL for (int side = 0; side < 2; side++) {
    float *row = states + (warp * DECODE_ROWS + lane / 4 + side * 8) * ROW, l = state.l[side];
    l += __shfl_xor_sync(~0u, l, 1);
    l += __shfl_xor_sync(~0u, l, 2);
    UNROLL for (int i = 0; i < S::TILES; i++) UNROLL for (int j = 0; j < 2; j++) {
      row[decode_value_lane<S>(i, j)] = state.o[i][2 * side + j] * (S::HALF ? 1.0f / DECODE_LIFT : 1.0f);
    }
    if (lane % 4 == 0) row[S::HEAD] = state.m[side] * LN2, row[S::HEAD + 1] = l;
  }
  __syncthreads();
  for (int r = warp; r < DECODE_ROWS && row0 + r < s.rows; r += S::WARPS) {
    const float *rows = states + r * ROW;
    constexpr int NEXT = DECODE_ROWS * ROW;
    float m = SOFTMAX_NONE, l = 0.0f;
    UNROLL for (int i = 0; i < S::WARPS; i++) m = vf_max(m, rows[i * NEXT + S::HEAD]);
    float shift = softmax_shift(m), share[S::WARPS];
    UNROLL for (int i = 0; i < S::WARPS; i++) {
      share[i] = softmax_rescale(rows[i * NEXT + S::HEAD], shift);
      l = fmaf(rows[i * NEXT + S::HEAD + 1], share[i], l);
    }
    SoftmaxResult result = softmax_finish(m, l, row_sink(&c.p, &c.o, row_head(&s, kvHead, row0 + r)));
    float factor = result.factor * value_scale(&c.p, &c.o, kvHead);
    address out = out_at(c, &s, b, kvHead, row0 + r);
    float *partial = c.splits > 1 ? state_at(c, split, b, kvHead, row0 + r) : 0;
    for (int d = lane; d < c.p.valueHeadSize; d += 32) {
      float sum = 0.0f;
      UNROLL for (int i = 0; i < S::WARPS; i++) {
        if (share[i] != 0.0f) sum = fmaf(rows[i * NEXT + d], share[i], sum);
      }
      if (partial) partial[d] = sum;
      else store_as(c.outDtype, c.o.out, out + d, sum * factor);
    }
    if (lane != 0) continue;
    if (partial) partial[c.p.valueHeadSize] = m, partial[c.p.valueHeadSize + 1] = l;
    else write_lse(c, &s, b, kvHead, row0 + r, result.lse);
  }
}

/** Blocks are (row tile and split, KV head, sequence). */
template <class S>
__global__ void __launch_bounds__(S::THREADS, 1) decode_attention(const __grid_constant__ Launch c) {
  extern __shared__ uint4 memory[];
  launch_dependents();
  int b = blockIdx.z, kvHead = blockIdx.y, row0 = blockIdx.x / c.splits * DECODE_ROWS, split = blockIdx.x % c.splits;
  Sequence s = sequence_at(&c.p, &c.o, b);
  if (row0 >= s.rows) return;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, begin;
  float *units = (float *)memory;
  uint4 *queries = memory + DECODE_ROWS * 4 / 16;
  unsigned char *rings = (unsigned char *)(queries + S::QUERY / 16), *ring = rings + warp * S::STAGES * S::STAGE;
  MaskBounds first = row_bounds(&c.p, &s, row0), last = row_bounds(&c.p, &s, row0 + DECODE_ROWS - 1);
  KvSide keys = kv_keys(&c.p, &c.o, b, kvHead), values = kv_values(&c.p, &c.o, b, kvHead);
  DecodeStream t = {lane < DECODE_STEP ? keys : values, {keys.data, keys.strideBlock, keys.strideToken},
                    {values.data, values.strideBlock, values.strideToken}, c.p.headSize, c.p.valueHeadSize,
                    mask_range(first, last)};
  split_keys(t.range, split, c.splits, DECODE_STEP, &begin, &t.end);

  constexpr int STRIDE = S::WARPS * DECODE_STEP;
  bool steady = c.p.headSize == S::HEAD && c.p.valueHeadSize == S::HEAD && decode_steady(c, t, begin);
  int at = begin + warp * DECODE_STEP, fetch = at, block = decode_block(t, at);
  auto start_copy = [&](int stage) {
    u32 to = shared_at(ring + stage * S::STAGE);
    int next = decode_block(t, fetch + STRIDE);
    if (steady && fetch + DECODE_STEP <= t.end) decode_fetch_steady<S>(t, fetch, block, to);
    else if (fetch < t.end) decode_fetch<S>(t, fetch, to);
    block = next;
    fetch += STRIDE;
    copy_async_commit();
  };
  UNROLL for (int i = 0; i < S::STAGES - 1; i++) start_copy(i);
  decode_queries<S>(c, s, b, kvHead, row0, queries, units);
  __syncthreads();
  // From products to scores, kept in shared memory: large heads have no registers left.
  if (threadIdx.x < DECODE_ROWS) units[threadIdx.x] = key_scale(&c.p, &c.o, kvHead) / units[threadIdx.x];
  __syncthreads();
  DecodeState<S> state;
  UNROLL for (int side = 0; side < 2; side++) {
    state.m[side] = SOFTMAX_NONE;
    state.l[side] = 0.0f;
  }
  UNROLL for (int i = 0; i < S::TILES; i++) UNROLL for (int j = 0; j < 4; j++) state.o[i][j] = 0.0f;
  bool plain = !score_features(&c.p) && !(c.p.flags & FEATURE_MASK);

  for (int stage = 0; at < t.end; at += STRIDE) {
    copy_async_wait<S::STAGES - 2>();
    __syncwarp();
    start_copy(stage == 0 ? S::STAGES - 1 : stage - 1);
    int key = mask_key(t.range, at), keyEnd = key + DECODE_STEP;
    int covered = plain && at + DECODE_STEP <= t.end && (key >= t.range.gap || keyEnd <= t.range.gap) &&
                  mask_covers(&c.p, first, last, key, keyEnd);
    decode_step<S>(c, s, b, kvHead, row0, t, at, units, queries, ring + stage * S::STAGE, covered, state);
    __syncwarp();
    stage = stage + 1 == S::STAGES ? 0 : stage + 1;
  }
  copy_async_wait<0>();
  __syncthreads();
  decode_meet<S>(c, s, b, kvHead, row0, split, (float *)rings, state);
}

#endif

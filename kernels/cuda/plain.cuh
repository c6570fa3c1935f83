// Attention by plain float32 multiply-adds: every feature, head size and cache type; what the fast paths are compared
// with, and what takes over where they do not apply.
#ifndef TFJS_ATTENTION_CUDA_PLAIN_CUH
#define TFJS_ATTENTION_CUDA_PLAIN_CUH
#include "device.cuh"

#define PLAIN_WARPS 8
#define PLAIN_THREADS (32 * PLAIN_WARPS)

/** A block's shared memory. Rows are padded so that eight of them, read 16 bytes at a time, meet no bank twice. */
struct PlainShared {
  float *q, *kv, *s;
  int qStride, kvStride, sStride;
};

HOOK int plain_stride(int size) { return (size + 3) / 4 * 4 + 4; }

template <int TILE>
HOOK PlainShared plain_shared(const AttnParams *p, float *memory) {
  PlainShared m;
  m.qStride = plain_stride(p->headSize);
  m.kvStride = plain_stride(mask_max(p->headSize, p->valueHeadSize));
  m.sStride = TILE + 1;
  m.q = memory;
  m.kv = m.q + TILE * m.qStride;
  m.s = m.kv + TILE * m.kvStride;
  return m;
}

inline size_t plain_shared_bytes(const AttnParams &p, int tile) {
  int size = p.headSize > p.valueHeadSize ? p.headSize : p.valueHeadSize;
  auto stride = [](int n) { return (n + 3) / 4 * 4 + 4; };
  return sizeof(float) * tile * (stride(p.headSize) + stride(size) + tile + 1);
}

/** Decoded rows [key, key + count) times their token scales, the rest and the padding zeros. */
template <int DTYPE>
HOOK void plain_load_rows(const KvSide &side, int key, int count, int tile, float *to, int stride) {
  for (int j = threadIdx.x / 32; j < tile; j += PLAIN_WARPS) {
    const unsigned char *row = 0;
    const float *scaleAt = 0;
    if (j < count) kv_locate(&side, key + j, 1, &row, &scaleAt);
    float stored = j < count && side.tokenScales ? *scaleAt : 1.0f;
    float scale = kv_token_scale(DTYPE, stored), zero = kv_token_zero(DTYPE, stored);
    for (int d = threadIdx.x % 32; d < stride; d += 32) {
      bool inside = j < count && d < (int)side.size;
      to[j * stride + d] = inside ? (kv_load(DTYPE, row, d) - zero) * scale : 0.0f;
    }
  }
}

HOOK void plain_load(const AttnParams *p, const KvSide &side, int key, int count, int tile, float *to, int stride) {
  switch (p->kvDtype) {
    case KV_FLOAT16:
      return plain_load_rows<KV_FLOAT16>(side, key, count, tile, to, stride);
    case KV_BFLOAT16:
      return plain_load_rows<KV_BFLOAT16>(side, key, count, tile, to, stride);
    case KV_FP8_E4M3:
    case KV_FP8_PER_TOKEN_HEAD:
      return plain_load_rows<KV_FP8_E4M3>(side, key, count, tile, to, stride);
    case KV_FP8_E5M2:
      return plain_load_rows<KV_FP8_E5M2>(side, key, count, tile, to, stride);
    case KV_INT8:
    case KV_INT8_PER_TOKEN_HEAD:
      return plain_load_rows<KV_INT8>(side, key, count, tile, to, stride);
    case KV_INT4_PER_TOKEN_HEAD:
      return plain_load_rows<KV_INT4_PER_TOKEN_HEAD>(side, key, count, tile, to, stride);
    default:
      return plain_load_rows<KV_FLOAT32>(side, key, count, tile, to, stride);
  }
}

/** TILE x TILE products: a thread takes rows ty, ty + 16 and keys tx, tx + 16 (one of each where TILE is 16). */
template <int TILE>
HOOK void plain_scores(const PlainShared &m, int size, float scale) {
  constexpr int EACH = TILE / 16;
  int tx = threadIdx.x % 16, ty = threadIdx.x / 16;
  float4 sum[EACH][EACH];
  UNROLL for (int i = 0; i < EACH; i++) UNROLL for (int j = 0; j < EACH; j++) sum[i][j] = make_float4(0, 0, 0, 0);
  for (int d = 0; d < size; d += 4) {
    float4 q[EACH], k[EACH];
    UNROLL for (int i = 0; i < EACH; i++) {
      q[i] = *(const float4 *)(m.q + (ty + 16 * i) * m.qStride + d);
      k[i] = *(const float4 *)(m.kv + (tx + 16 * i) * m.kvStride + d);
    }
    UNROLL for (int i = 0; i < EACH; i++) UNROLL for (int j = 0; j < EACH; j++) {
      sum[i][j].x = fmaf(q[i].x, k[j].x, sum[i][j].x);
      sum[i][j].y = fmaf(q[i].y, k[j].y, sum[i][j].y);
      sum[i][j].z = fmaf(q[i].z, k[j].z, sum[i][j].z);
      sum[i][j].w = fmaf(q[i].w, k[j].w, sum[i][j].w);
    }
  }
  UNROLL for (int i = 0; i < EACH; i++) UNROLL for (int j = 0; j < EACH; j++) {
    float4 x = sum[i][j];
    m.s[(ty + 16 * i) * m.sStride + tx + 16 * j] = ((x.x + x.y) + (x.z + x.w)) * scale;
  }
}

/** A warp's rows: state and output, lane i holding lanes i, i + 32, ... of the value. */
template <int ROWS, int CHUNKS>
struct PlainState {
  float m[ROWS], l[ROWS], o[ROWS][CHUNKS];
};

/** Scores of one row to weights. Returns which keys the row sees. */
template <int ROWS, int CHUNKS>
HOOK u32 plain_softmax(PlainState<ROWS, CHUNKS> *state, int r, float *s, bool inside) {
  int lane = threadIdx.x % 32;
  float score = inside ? s[lane] : SOFTMAX_NONE;
  bool sees = !(score == SOFTMAX_NONE);
  float before = state->m[r], now = softmax_raise(before, warp_max(score));
  float shift = softmax_shift(now), weight = sees ? softmax_weight(score, shift) : 0.0f;
  if (now > before) {
    float scale = softmax_rescale(before, shift);
    state->l[r] *= scale;
    UNROLL for (int i = 0; i < CHUNKS; i++) state->o[r][i] *= scale;
    state->m[r] = now;
  }
  state->l[r] += warp_sum(weight);
  if (inside) s[lane] = weight;
  return __ballot_sync(~0u, sees);
}

/** A tile's values are summed apart from the sums before it: the longer a chain of additions, the larger its error. */
template <int TILE, int ROWS, int CHUNKS>
HOOK void plain_values(PlainState<ROWS, CHUNKS> *state, const PlainShared &m, const float *s, int count,
                       const u32 *seen, int size) {
  constexpr int AT_ONCE = CHUNKS % 2 == 0 ? 2 : 1;
  int lane = threadIdx.x % 32;
  UNROLL for (int chunk = 0; chunk < CHUNKS; chunk += AT_ONCE) {
    float sum[ROWS][AT_ONCE];
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int i = 0; i < AT_ONCE; i++) sum[r][i] = 0.0f;
    for (int j = 0; j < count; j++) {
      UNROLL for (int i = 0; i < AT_ONCE; i++) {
        int d = lane + 32 * (chunk + i);
        float v = d < size ? m.kv[j * m.kvStride + d] : 0.0f;
        UNROLL for (int r = 0; r < ROWS; r++) {
          // Not a product with 0: the value may be NaN.
          float next = fmaf(s[r * m.sStride + j], v, sum[r][i]);
          sum[r][i] = seen[r] >> j & 1 ? next : sum[r][i];
        }
      }
    }
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int i = 0; i < AT_ONCE; i++) state->o[r][chunk + i] += sum[r][i];
  }
}

template <int TILE, int ROWS, int CHUNKS>
HOOK void plain_write(const Launch &c, const Sequence &s, int b, int kvHead, int firstRow, int split,
                      const PlainState<ROWS, CHUNKS> &state) {
  int lane = threadIdx.x % 32;
  UNROLL for (int r = 0; r < ROWS; r++) {
    int row = firstRow + r;
    if (row >= s.rows) return;
    if (c.splits > 1) {
      float *to = state_at(c, split, b, kvHead, row);
      UNROLL for (int i = 0; i < CHUNKS; i++) {
        if (lane + 32 * i < c.p.valueHeadSize) to[lane + 32 * i] = state.o[r][i];
      }
      if (lane == 0) to[c.p.valueHeadSize] = state.m[r], to[c.p.valueHeadSize + 1] = state.l[r];
      continue;
    }
    SoftmaxResult result = softmax_finish(state.m[r], state.l[r], row_sink(&c.p, &c.o, row_head(&s, kvHead, row)));
    float factor = result.factor * value_scale(&c.p, &c.o, kvHead);
    address at = out_at(c, &s, b, kvHead, row);
    UNROLL for (int i = 0; i < CHUNKS; i++) {
      int d = lane + 32 * i;
      if (d < c.p.valueHeadSize) store_as(c.outDtype, c.o.out, at + d, state.o[r][i] * factor);
    }
    if (lane == 0) write_lse(c, &s, b, kvHead, row, result.lse);
  }
}

/** One row tile of one KV head and split. */
template <int TILE, int CHUNKS>
HOOK void plain_tile(const Launch &c, const Sequence &s, int b, int kvHead, int row0, int split, float *memory) {
  constexpr int ROWS = TILE / PLAIN_WARPS;
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  PlainShared m = plain_shared<TILE>(&c.p, memory);
  KvSide keys = kv_keys(&c.p, &c.o, b, kvHead), values = kv_values(&c.p, &c.o, b, kvHead);
  MaskBounds first = row_bounds(&c.p, &s, row0), last = row_bounds(&c.p, &s, row0 + TILE - 1);
  MaskRange range = mask_range(first, last);
  int features = score_features(&c.p), begin, end;
  float scale = key_scale(&c.p, &c.o, kvHead), *scores = m.s + warp * ROWS * m.sStride;
  split_keys(range, split, c.splits, TILE, &begin, &end);

  for (int r = warp; r < TILE; r += PLAIN_WARPS) {
    address at = query_at(c, &s, b, kvHead, mask_min(row0 + r, s.rows - 1));
    for (int d = lane; d < m.qStride; d += 32) {
      m.q[r * m.qStride + d] = d < c.p.headSize ? load_as(c.qDtype, c.o.q, at + d) : 0.0f;
    }
  }
  RowFacts facts[ROWS];
  PlainState<ROWS, CHUNKS> state;
  UNROLL for (int r = 0; r < ROWS; r++) {
    row_facts(&c.p, &c.o, &s, b, kvHead, row0 + warp * ROWS + r, &facts[r]);
    state.m[r] = SOFTMAX_NONE;
    state.l[r] = 0.0f;
    UNROLL for (int i = 0; i < CHUNKS; i++) state.o[r][i] = 0.0f;
  }

  for (int done = begin, count; done < end; done += count) {
    int key = mask_key(range, done);
    count = mask_min(end - done, TILE);
    if (key < range.gap) count = mask_min(count, range.gap - key);
    int covered = mask_covers(&c.p, first, last, key, key + count);
    __syncthreads();
    plain_load(&c.p, keys, key, count, TILE, m.kv, m.kvStride);
    __syncthreads();
    plain_scores<TILE>(m, c.p.headSize, scale);
    __syncthreads();
    plain_load(&c.p, values, key, count, TILE, m.kv, m.kvStride);
    u32 seen[ROWS];
    UNROLL for (int r = 0; r < ROWS; r++) {
      bool inside = lane < count;
      float *at = scores + r * m.sStride;
      if (inside) at[lane] = row_score(&c.p, &facts[r], at[lane], key + lane, features, covered);
      seen[r] = plain_softmax(&state, r, at, inside);
    }
    __syncthreads();
    plain_values<TILE, ROWS, CHUNKS>(&state, m, scores, count, seen, c.p.valueHeadSize);
  }
  plain_write<TILE, ROWS, CHUNKS>(c, s, b, kvHead, row0 + warp * ROWS, split, state);
}

#endif

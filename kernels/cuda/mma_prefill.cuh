// Prefill on mma.sync and cp.async, for compute capability 8.0 and newer: a block has 64 or 128 query tokens of a head
// and walks their keys in tiles; while scores are computed values arrive, and the other way round. The layout of the
// sums is that of wgmma, so all between the products is shared with the Hopper path.
#ifndef TFJS_ATTENTION_CUDA_MMA_PREFILL_CUH
#define TFJS_ATTENTION_CUDA_MMA_PREFILL_CUH
#include "mma.cuh"
#include "mma_shape.h"
#include "tile_state.cuh"
#include "tile_write.cuh"

struct MmaLaunch {
  Work w;
  /** Rows of queries; of staged keys and values. Null: where the call's operands lie. */
  const unsigned short *query, *keys, *values;
};

template <int HEAD_, class FORM>
struct MmaShape {
  static constexpr int HEAD = HEAD_, PARTS = FORM::PARTS, GROUPS = mma_groups(HEAD, PARTS);
  static constexpr int KEYS = mma_keys(HEAD, PARTS);
  static constexpr bool HALF = FORM::HALF, UNITS = FORM::UNITS, SCORED = true;
  static constexpr int TOKENS = GROUPS * GROUP_TOKENS, THREADS = GROUPS * GROUP, FIRST_THREAD = 0;
  /** 16-byte pieces of a row. */
  static constexpr int PIECES = HEAD * PARTS / 8;
  static constexpr int SHARED = mma_bytes(HEAD, PARTS) + GROUPS * MMA_FACTS;
  static_assert(GROUP_TOKENS * sizeof(RowFacts) <= MMA_FACTS, "room for the facts");
};

/** Where a piece of a row lies: xor keeps ldmatrix free of bank conflicts. */
template <class S>
HOOK u32 mma_piece(int row, int piece) {
  return (u32)(row * S::PIECES + (piece ^ (row & 7))) * 16;
}

/** Starts the copy of ROWS rows of `size` 16-bit numbers; place(i) is where row i lies, null for zeros. */
template <class S, int ROWS, class Place>
HOOK void mma_copy(u32 to, int size, Place place) {
  static_assert(ROWS * S::PIECES % S::THREADS == 0, "whole turns");
#pragma unroll 4
  for (int i = threadIdx.x; i < ROWS * S::PIECES; i += S::THREADS) {
    int row = i / S::PIECES, piece = i % S::PIECES;
    const unsigned short *from = place(row);
    int left = from ? mask_max(0, mask_min(16, (size - piece * 8) * 2)) : 0;
    copy_async_16(to + mma_piece<S>(row, piece), left > 0 ? from + piece * 8 : 0, left);
  }
}

template <class S>
HOOK void mma_copy_queries(const MmaLaunch &l, const WorkTile &t, u32 to) {
  const AttnParams &p = l.w.c.p;
  bool ragged = l.w.c.o.queryStartLoc;
  mma_copy<S, S::TOKENS>(to, l.query ? S::HEAD * S::PARTS : p.headSize, [&](int i) {
    int token = mask_min(t.token + i, t.length - 1);
    if (l.query) {
      address row = ragged ? t.start + token : (address)t.b * p.maxQueryLen + token;
      return l.query + (row * p.numHeads + t.head) * (S::HEAD * S::PARTS);
    }
    return (const unsigned short *)(const void *)l.w.c.o.q + (address)(u32)t.b * (u32)p.qStrideBatch +
           (address)(u32)(t.start + token) * (u32)p.qStrideToken + (u32)t.head * (u32)p.qStrideHead;
  });
}

/** Keys, or values, of a tile; zeros past the sequence's end. */
template <class S>
HOOK void mma_copy_keys(const MmaLaunch &l, const WorkTile &t, bool ofKeys, int key, u32 to) {
  const AttnParams &p = l.w.c.p;
  const unsigned short *staged = ofKeys ? l.keys : l.values;
  if (S::UNITS || staged) {
    const unsigned short *head = staged + work_units(l.w, t) * STAGE_KEYS * (S::HEAD * S::PARTS);
    return mma_copy<S, S::KEYS>(to, S::HEAD * S::PARTS, [&](int i) {
      return key + i < t.seqLen ? head + (address)(u32)(key + i) * (S::HEAD * S::PARTS) : (const unsigned short *)0;
    });
  }
  if constexpr (!S::UNITS) {
    KvSide side = ofKeys ? kv_keys(&p, &l.w.c.o, t.b, t.kvHead) : kv_values(&p, &l.w.c.o, t.b, t.kvHead);
    mma_copy<S, S::KEYS>(to, (int)side.size, [&](int i) {
      const unsigned char *row = 0;
      const float *scale = 0;
      if (key + i < t.seqLen) kv_locate(&side, key + i, 1, &row, &scale);
      return (const unsigned short *)row;
    });
  }
}

template <class S>
HOOK void mma_scores(TileState<S> &g, u32 q, u32 k) {
  int lane = threadIdx.x % 32, row = threadIdx.x / 32 * 16 + lane % 16;
  UNROLL for (int i = 0; i < TileState<S>::SCORES; i++) g.s[i] = 0.0f;
  // Small products first: low parts meet high ones before high meets high.
  UNROLL for (int pair = S::PARTS == 1 ? 2 : 0; pair < 3; pair++) {
    int qPart = pair == 0 ? S::HEAD / 8 : 0, kPart = pair == 1 ? S::HEAD / 8 : 0;
#pragma unroll 4
    for (int d = 0; d < S::HEAD / 8; d += 2) {
      u32 a[4], b[S::KEYS / 16][4];
      load_matrices(a, q + mma_piece<S>(row, qPart + d + lane / 16));
      UNROLL for (int j = 0; j < S::KEYS / 16; j++) {
        load_matrices(b[j], k + mma_piece<S>(j * 16 + lane % 8 + lane / 16 * 8, kPart + d + lane / 8 % 2));
      }
      UNROLL for (int i = 0; i < S::KEYS / 8; i++) {
        mma_16<S::HALF>(*(float(*)[4]) & g.s[4 * i], *(uint4 *)a, b[i / 2] + i % 2 * 2);
      }
    }
  }
}

/** o = o * rescale + weights * values, the tile's sums apart where values have a unit. */
template <class S>
HOOK void mma_values(TileState<S> &g, const float (&rescale)[2], float unit, u32 v) {
  constexpr int LANES_ONCE = S::UNITS ? 2 : 8;
  int lane = threadIdx.x % 32;
  UNROLL for (int d = 0; d < S::HEAD / 8; d += LANES_ONCE) {
    float sums[LANES_ONCE][4] = {};
    UNROLL for (int pair = S::PARTS == 1 ? 2 : 0; pair < 3; pair++) {
      int wPart = pair == 0, vPart = pair == 1 ? S::HEAD / 8 : 0;
      UNROLL for (int step = 0; step < S::KEYS / 16; step++) {
        u32 b[LANES_ONCE / 2][4];
        UNROLL for (int i = 0; i < LANES_ONCE / 2; i++) {
          load_matrices_transposed(b[i], v + mma_piece<S>(step * 16 + lane % 16, vPart + d + 2 * i + lane / 16));
        }
        UNROLL for (int i = 0; i < LANES_ONCE; i++) {
          auto &to = S::UNITS ? sums[i] : *(float(*)[4]) & g.o[4 * (d + i)];
          mma_16<S::HALF>(to, *(uint4 *)&g.weights[wPart][4 * step], b[i / 2] + i % 2 * 2);
        }
      }
    }
    if constexpr (S::UNITS) {
      UNROLL for (int i = 0; i < 4 * LANES_ONCE; i++) {
        float &o = g.o[4 * d + i];
        o = fmaf(o, rescale[i / 2 % 2], sums[i / 4][i % 4] * unit);
      }
    }
  }
}

/** Blocks are tiles of work. */
template <class S>
__global__ void __launch_bounds__(S::THREADS, 1) mma_attention(const __grid_constant__ MmaLaunch l) {
  extern __shared__ uint4 memory[];
  launch_dependents();
  const Work &w = l.w;
  constexpr int Q_BYTES = S::TOKENS * S::PIECES * 16, KV_BYTES = S::KEYS * S::PIECES * 16;
  RowFacts *facts = (RowFacts *)((unsigned char *)memory + Q_BYTES + 2 * KV_BYTES);
  u32 q = shared_at(memory), k = q + Q_BYTES, v = k + KV_BYTES;
  WorkTile t;
  int round = 0;
  if (!work_next<S>(w, &round, &t)) return;
  if (t.lastTile < t.firstTile) return tile_write_none<S>(w, t);
  int tile = t.lastTile;
  mma_copy_queries<S>(l, t, q);
  mma_copy_keys<S>(l, t, true, tile * S::KEYS, k);
  copy_async_commit();
  mma_copy_keys<S>(l, t, false, tile * S::KEYS, v);
  copy_async_commit();
  TileState<S> g;
  TileRows r;
  tile_start<S>(w, t, facts, g, r);
  address units = S::UNITS ? work_units(w, t) : 0;
  for (int next; tile >= t.firstTile; tile = next) {
    address at = units + tile * S::KEYS / STAGE_KEYS;
    float rescale[2], unit = S::UNITS ? w.kUnits[at] : 1.0f;
    next = work_before(t, tile);
    copy_async_wait<1>();
    __syncthreads();
    mma_scores<S>(g, q, k);
    __syncthreads();
    if (next >= t.firstTile) mma_copy_keys<S>(l, t, true, next * S::KEYS, k);
    copy_async_commit();
    tile_scores<S>(w, facts, t, tile * S::KEYS, unit, r, g);
    bool rose = tile_softmax<S>(g, r, unit, rescale);
    if (!S::UNITS && __any_sync(~0u, rose)) tile_rescale<S>(g, rescale);
    tile_pack<S>(g);
    copy_async_wait<1>();
    __syncthreads();
    mma_values<S>(g, rescale, S::UNITS ? w.vUnits[at] : 1.0f, v);
    __syncthreads();
    if (next >= t.firstTile) mma_copy_keys<S>(l, t, false, next * S::KEYS, v);
    copy_async_commit();
  }
  tile_write<S>(w, t, g, r);
}

#endif

// A group's rows of prefill in registers: scores and output as the tensor cores leave them (a thread has two rows, 8
// apart, and in each two of every eight columns), hooks, masks, softmax, and weights as the next product takes them.
#ifndef TFJS_ATTENTION_CUDA_TILE_STATE_CUH
#define TFJS_ATTENTION_CUDA_TILE_STATE_CUH
#include "work.cuh"

/** A thread's two rows: bounds, and the softmax in base 2. */
struct TileRows {
  int lo[2], hi[2];
  /** Keys that all rows of the warp see: without hooks, bounds grow with the position. */
  int seenFrom, seenTo;
  float m[2], l[2];
  /** From products to scores, in base 2 unless hooks come between; before a key tile's unit. */
  float scale[2];
};

template <class S>
struct TileState {
  static constexpr int SCORES = S::KEYS / 2, SUMS = S::HEAD / 2;
  float s[SCORES], o[SUMS];
  u32 weights[S::PARTS][S::KEYS / 4];
};

/** First of the two tokens of this thread. */
template <class S>
HOOK int tile_token(const WorkTile &t) {
  int thread = threadIdx.x - S::FIRST_THREAD;
  return t.token + thread / GROUP * GROUP_TOKENS + thread % GROUP / 32 * 16 + threadIdx.x % 32 / 4;
}

/** The facts of this warp's 16 rows, which hooks read from shared memory. */
template <class S>
HOOK RowFacts *tile_facts(RowFacts *all) {
  return all + (threadIdx.x - S::FIRST_THREAD) / 32 * 16;
}

template <class S>
HOOK void tile_start(const Work &w, const WorkTile &t, RowFacts *facts, TileState<S> &g, TileRows &r) {
  const AttnParams &p = w.c.p;
  if constexpr (S::SCORED) {
    int lane = threadIdx.x % 32, first = tile_token<S>(t) - lane / 4;
    Sequence sequence = sequence_at(&p, &w.c.o, t.b);
    __syncwarp();
    if (lane < 16) {
      int row = mask_min(first + lane, t.length - 1) * sequence.group + t.head % sequence.group;
      row_facts(&p, &w.c.o, &sequence, t.b, t.kvHead, row, tile_facts<S>(facts) + lane);
    }
    __syncwarp();
  } else {
    MaskRules rules = mask_rules(&p, &w.c.o, t.b);
    UNROLL for (int side = 0; side < 2; side++) {
      MaskBounds bounds = work_bounds(w, rules, t, tile_token<S>(t) + side * 8);
      r.lo[side] = bounds.lo;
      r.hi[side] = bounds.hi;
    }
    r.seenFrom = __shfl_sync(~0u, r.lo[1], 31);
    r.seenTo = __shfl_sync(~0u, r.hi[0], 0);
  }
  UNROLL for (int side = 0; side < 2; side++) {
    r.m[side] = SOFTMAX_NONE;
    r.l[side] = 0.0f;
    r.scale[side] = key_scale(&p, &w.c.o, t.kvHead) * (S::SCORED ? 1.0f : LOG2E);
    if (S::UNITS) {
      int token = mask_min(tile_token<S>(t) + side * 8, t.length - 1);
      address query = w.c.o.queryStartLoc ? t.start + token : (address)t.b * p.maxQueryLen + token;
      r.scale[side] *= w.qUnits[query * p.numHeads + t.head];
    }
  }
  UNROLL for (int i = 0; i < TileState<S>::SUMS; i++) g.o[i] = 0.0f;
}

/** Calls change(score, key) for each score of one of the thread's rows, whose first key is `column`. */
template <class S, class Change>
HOOK void tile_each(TileState<S> &g, int side, int column, Change change) {
  UNROLL for (int i = 0; i < TileState<S>::SCORES / 2; i++) {
    float &x = g.s[i / 2 * 4 + side * 2 + i % 2];
    x = change(x, column + i / 2 * 8 + i % 2);
  }
}

/** Keeps the compiler from computing what follows from x once for all tiles, for which no registers are left. */
HOOK u32 recomputed(u32 x) {
  asm volatile("" : "+r"(x));
  return x;
}

/** The hooks of parts/score.h and parts/mask.h, in the order of score_apply: each over all scores, then the next. */
template <class S>
HOOK void tile_hooks(const Work &w, const RowFacts *facts, int lastKey, int key, float unit, const TileRows &r,
                     TileState<S> &g) {
  const AttnParams &p = w.c.p;
  int thread = recomputed(threadIdx.x);
  facts += (thread - S::FIRST_THREAD) / 32 * 16;
  const RowFacts &top = facts[0], &end = facts[15];
  MaskBounds first = {top.lanes.lo, top.lanes.hi, top.lanes.windowLo, top.lanes.windowHi, top.lanes.prefix,
                      top.lanes.rangeLo, top.lanes.rangeHi};
  MaskBounds last = {end.lanes.lo, end.lanes.hi, end.lanes.windowLo, end.lanes.windowHi, end.lanes.prefix,
                     end.lanes.rangeLo, end.lanes.rangeHi};
  bool covered = mask_covers(&p, first, last, key, key + S::KEYS);
  // Whole tiles of rows without gaps: one address, and offsets that are part of the instruction.
  bool whole = key + S::KEYS <= lastKey + 1;
  int column = key + thread % 4 * 2;
  UNROLL for (int side = 0; side < 2; side++) {
    const RowFacts &f = facts[thread % 32 / 4 + side * 8];
    float scale = r.scale[side] * unit;
    tile_each<S>(g, side, column, [&](float x, int) { return x * scale; });
    if (p.logitsSoftCap > 0) {
      tile_each<S>(g, side, column, [&](float x, int) { return score_softcap(x, p.logitsSoftCap); });
    }
    if (p.flags & FEATURE_BIAS) {
      const float *bias = f.bias, *from = bias + column;
      if (whole && p.biasStrideKey == 1) {
        tile_each<S>(g, side, column, [&](float x, int j) { return score_add(x, from[j - column]); });
      } else {
        tile_each<S>(g, side, column, [&](float x, int j) {
          return score_add(x, vf_gather(&bias, 0, mask_min(j, lastKey) * p.biasStrideKey));
        });
      }
    }
    RowLanes row = f.lanes;
    row.qqBias = &f.qqBias;
    if (p.flags & FEATURE_QQ_BIAS && key + S::KEYS > row.context) {
      tile_each<S>(g, side, column, [&](float x, int j) { return score_tree(&row, x, j); });
    }
    if (p.flags & FEATURE_ALIBI) tile_each<S>(g, side, column, [&](float x, int j) { return score_alibi(&row, x, j); });
    if (!covered) {
      tile_each<S>(g, side, column, [&](float x, int j) { return mask_visible(&p, &row, j) ? x : SOFTMAX_NONE; });
    }
    if (p.flags & FEATURE_MASK) {
      const unsigned char *mask = f.mask, *from = mask + column;
      row.mask = &mask;
      if (whole && p.maskStrideKey == 1) {
        tile_each<S>(g, side, column, [&](float x, int j) { return from[j - column] != 0 ? x : SOFTMAX_NONE; });
      } else {
        tile_each<S>(g, side, column, [&](float x, int j) {
          return mask_allowed(&p, &row, mask_min(j, lastKey)) ? x : SOFTMAX_NONE;
        });
      }
    }
  }
}

/** Bounds of rows alone. */
template <class S>
HOOK void tile_mask(TileState<S> &g, const TileRows &r, int key) {
  if (key >= r.seenFrom && key + S::KEYS <= r.seenTo) return;
  int column = key + threadIdx.x % 4 * 2;
  UNROLL for (int side = 0; side < 2; side++) {
    tile_each<S>(g, side, column, [&](float x, int j) {
      return mask_inside(r.lo[side], r.hi[side], j) ? x : SOFTMAX_NONE;
    });
  }
}

/** Scores of the products with the keys from `key` on. */
template <class S>
HOOK void tile_scores(const Work &w, const RowFacts *facts, const WorkTile &t, int key, float unit, const TileRows &r,
                      TileState<S> &g) {
  if constexpr (S::SCORED) tile_hooks<S>(w, facts, t.seqLen - 1, key, unit, r, g);
  else tile_mask<S>(g, r, key);
}

/** Scaled operands: weights are multiplied by this, their low parts then stay far above float16's smallest numbers. */
#define TILE_LIFT 0x1p13f

/** Scores to weights, in place; returns in `rescale` what earlier sums are to be multiplied with. */
template <class S>
HOOK bool tile_softmax(TileState<S> &g, TileRows &r, float unit, float (&rescale)[2]) {
  constexpr float SLACK = S::UNITS ? 0.0f : 6.0f;
  bool rose = false;
  UNROLL for (int side = 0; side < 2; side++) {
    float scale = S::SCORED ? LOG2E : r.scale[S::UNITS ? side : 0] * unit, most = SOFTMAX_NONE;
    UNROLL for (int i = 0; i < TileState<S>::SCORES / 2; i++) most = fmaxf(most, g.s[i / 2 * 4 + side * 2 + i % 2]);
    most = fmaxf(most, __shfl_xor_sync(~0u, most, 1));
    most = fmaxf(most, __shfl_xor_sync(~0u, most, 2));
    float top = most * scale, before = r.m[side];
    float now = top > before + SLACK ? top : before;
    rescale[side] = before == now ? 1.0f : exp2_fast(before - now);
    rose |= now > before;
    r.m[side] = now;
    float shift = softmax_shift(now), sum = 0.0f;
    tile_each<S>(g, side, 0, [&](float x, int) {
      float weight = exp2_fast(fmaf(x, scale, -shift));
      sum += weight;
      return weight;
    });
    r.l[side] = fmaf(r.l[side], rescale[side], sum);
  }
  return rose;
}

HOOK u32 pack_half(float a, float b) {
  __half2 x = __floats2half2_rn(a, b);
  return *(u32 *)&x;
}
HOOK u32 pack_bfloat(float a, float b) {
  __nv_bfloat162 x = __floats2bfloat162_rn(a, b);
  return *(u32 *)&x;
}

/** Weights as the A operand of P V: the layout of scores is that of A, four registers for 16 keys. */
template <class S>
HOOK void tile_pack(TileState<S> &g) {
  UNROLL for (int i = 0; i < S::KEYS / 4; i++) {
    float a = g.s[2 * i], b = g.s[2 * i + 1];
    if (S::UNITS) a *= TILE_LIFT, b *= TILE_LIFT;
    g.weights[0][i] = S::HALF ? pack_half(a, b) : pack_bfloat(a, b);
    if (S::PARTS > 1) {
      float2 high = __half22float2(*(__half2 *)&g.weights[0][i]);
      g.weights[S::PARTS - 1][i] = pack_half(a - high.x, b - high.y);
    }
  }
}

/** Earlier sums follow a risen maximum. */
template <class S>
HOOK void tile_rescale(TileState<S> &g, const float (&rescale)[2]) {
  UNROLL for (int i = 0; i < TileState<S>::SUMS; i++) g.o[i] *= rescale[i / 2 % 2];
}

/** Adds a tile's sums, whose values had a unit of their own. */
template <class S>
HOOK void tile_add(TileState<S> &g, const float (&part)[S::HEAD / 2], const float (&rescale)[2], float unit) {
  UNROLL for (int i = 0; i < TileState<S>::SUMS; i++) g.o[i] = fmaf(g.o[i], rescale[i / 2 % 2], part[i] * unit);
}

#endif

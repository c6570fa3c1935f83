// Prefill for compute capability 9.0: a producer warp feeds tiles by TMA, two or three warpgroups of 64 query tokens
// multiply them with wgmma. A warpgroup keeps scores, weights and output in registers; while its softmax runs, its next
// scores and the other warpgroups' products are in the tensor cores. Operands have PARTS 16-bit parts: one for 16-bit
// precision; two, scaled and with three products, for float32 (see stage.cuh).
#ifndef TFJS_ATTENTION_CUDA_HOPPER_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_CUH
#include "hopper_produce.cuh"
#include "hopper_write.cuh"

template <class S, bool HALF>
HOOK void hopper_start(const HopperLaunch &h, const HopperTile &t, HopperGroup<S, HALF> &g, HopperRows &r) {
  const AttnParams &p = h.c.p;
  MaskRules rules = mask_rules(&p, &h.c.o, t.b);
  UNROLL for (int side = 0; side < 2; side++) {
    MaskBounds bounds = hopper_bounds(h, rules, t, hopper_token(t) + side * 8);
    r.lo[side] = bounds.lo;
    r.hi[side] = bounds.hi;
    r.m[side] = SOFTMAX_NONE;
    r.l[side] = 0.0f;
    r.scale[side] = key_scale(&p, &h.c.o, t.kvHead) * LOG2E;
    if (S::PARTS > 1) {
      int token = mask_min(hopper_token(t) + side * 8, t.length - 1);
      address query = h.c.o.queryStartLoc ? t.start + token : (address)t.b * p.maxQueryLen + token;
      r.scale[side] *= h.qUnits[query * p.numHeads + t.head];
    }
  }
  UNROLL for (int i = 0; i < HopperGroup<S, HALF>::SUMS; i++) g.o[i] = 0.0f;
}

/** Where a warpgroup stands in the rings. */
struct HopperRings {
  Ring q, k, v;
};

/** Issues a tile's first scores. */
template <class S, bool HALF>
HOOK void hopper_first(const HopperShared<S> &m, const HopperRings &at, u32 q, HopperGroup<S, HALF> &g) {
  barrier_wait(m.qFull + at.q.at, at.q.parity);
  barrier_wait(m.kFull + at.k.at, at.k.parity);
  hopper_scores<S, HALF>(g, q + at.q.at * S::Q_BYTES, shared_address(m.k) + at.k.at * S::KV_BYTES);
}

/** The next tile that sees keys; those that see none are written on the way. */
template <class S>
HOOK bool hopper_next_seeing(const HopperLaunch &h, int *round, HopperTile *t) {
  while (hopper_next<S>(h, round, t)) {
    if (t->lastTile >= t->firstTile) return true;
    hopper_write_none(h, *t);
  }
  return false;
}

template <class S, bool HALF>
HOOK void hopper_consume(const HopperLaunch &h, const HopperShared<S> &m) {
  int group = threadIdx.x / GROUP - 1, leader = threadIdx.x % GROUP == 0, round = 0;
  HopperRings at = {};
  HopperGroup<S, HALF> g;
  u32 q = shared_address(m.q) + group * S::CHUNKS * GROUP_TOKENS * 128;
  if (S::PING_PONG && group == 0) named_arrive(1, 2 * GROUP);
  HopperTile t;
  bool more = hopper_next_seeing<S>(h, &round, &t);
  if (S::Q_STAGES > 1 && more) hopper_first<S, HALF>(m, at, q, g);
  wgmma_wait<0>();
  while (more) {
    HopperRows r;
    hopper_start<S, HALF>(h, t, g, r);
    // Of all rows of this warpgroup; the bounds grow with the position.
    MaskRules rules = mask_rules(&h.c.p, &h.c.o, t.b);
    int row = t.token + group * GROUP_TOKENS;
    int seenFrom = hopper_bounds(h, rules, t, row + GROUP_TOKENS - 1).lo, seenTo = hopper_bounds(h, rules, t, row).hi;
    address units = ((address)t.b * h.c.p.numKvHeads + t.kvHead) * h.keyTiles;
    float rescale[2], part[S::PARTS == 1 ? 1 : S::HEAD / 2];
    auto covered = [&](int tile) { return tile * S::KEYS >= seenFrom && (tile + 1) * S::KEYS <= seenTo; };
    auto unit = [&](int tile) { return S::PARTS == 1 ? 1.0f : h.kUnits[units + tile]; };
    auto multiply_values = [&]() {
      u32 values = shared_address(m.v) + at.v.at * S::KV_BYTES;
      if constexpr (S::PARTS == 1) hopper_values<S, HALF>(g, g.o, values, 1);
      else hopper_values<S, HALF>(g, part, values, 0);
    };
    auto add_part = [&](const float(&before)[2], int tile) {
      if constexpr (S::PARTS > 1) {
        float valueUnit = h.vUnits[units + tile];
        UNROLL for (int i = 0; i < S::HEAD / 2; i++) g.o[i] = fmaf(g.o[i], before[i / 2 % 2], part[i] * valueUnit);
      }
    };

    if (S::Q_STAGES == 1) {
      hopper_first<S, HALF>(m, at, q, g);
      wgmma_wait<0>();
    }
    if (leader) barrier_arrive(m.kEmpty + at.k.at);
    ring_next<S::STAGES>(&at.k);
    if (!covered(t.lastTile)) hopper_mask<S, HALF>(g, r, t.lastTile * S::KEYS);
    hopper_softmax<S, HALF>(g, r, unit(t.lastTile), rescale);
    hopper_pack<S, HALF>(g);
    if ((t.lastTile + 1) * S::KEYS > t.seqLen) {
      barrier_wait(m.vFull + at.v.at, at.v.parity);
      hopper_clear_tail<S>(m.v + at.v.at * S::KV_BYTES, t.seqLen - t.lastTile * S::KEYS);
    }

    for (int tile = t.lastTile - 1; tile >= t.firstTile; tile--) {
      barrier_wait(m.kFull + at.k.at, at.k.parity);
      if (S::PING_PONG) named_sync(1 + group, 2 * GROUP);
      hopper_scores<S, HALF>(g, q + at.q.at * S::Q_BYTES, shared_address(m.k) + at.k.at * S::KV_BYTES);
      barrier_wait(m.vFull + at.v.at, at.v.parity);
      multiply_values();
      if (S::PING_PONG) named_arrive(1 + (group + 1) % S::GROUPS, 2 * GROUP);
      wgmma_wait<1>();
      if (leader) barrier_arrive(m.kEmpty + at.k.at);
      ring_next<S::STAGES>(&at.k);
      float before[2] = {rescale[0], rescale[1]};
      if (!covered(tile)) hopper_mask<S, HALF>(g, r, tile * S::KEYS);
      bool rose = hopper_softmax<S, HALF>(g, r, unit(tile), rescale);
      wgmma_wait<0>();
      if (leader) barrier_arrive(m.vEmpty + at.v.at);
      ring_next<S::STAGES>(&at.v);
      if (S::PARTS == 1 && __any_sync(~0u, rose)) {
        UNROLL for (int i = 0; i < S::HEAD / 2; i++) g.o[i] *= rescale[i / 2 % 2];
      }
      add_part(before, tile + 1);
      hopper_pack<S, HALF>(g);
    }

    // The scores are done with q: another tile's may come.
    if (leader) barrier_arrive(m.qEmpty + at.q.at);
    ring_next<S::Q_STAGES>(&at.q);
    barrier_wait(m.vFull + at.v.at, at.v.parity);
    multiply_values();
    auto end_tile = [&]() {
      if (leader) barrier_arrive(m.vEmpty + at.v.at);
      add_part(rescale, t.firstTile);
      if (S::Q_STAGES > 1 && S::GROUPS == 2) return hopper_write<S, HALF>(h, t, g, r);
      // No registers are left to keep the tile's facts all the while.
      HopperTile again;
      hopper_tile<S>(h, t.place, &again);
      hopper_write<S, HALF>(h, again, g, r);
    };
    if constexpr (S::Q_STAGES > 1) {
      HopperTile next;
      more = hopper_next_seeing<S>(h, &round, &next);
      if (more) {
        hopper_first<S, HALF>(m, at, q, g);
        wgmma_wait<1>();
        end_tile();
        wgmma_wait<0>();
      } else {
        wgmma_wait<0>();
        end_tile();
      }
      t = next;
    } else {
      wgmma_wait<0>();
      end_tile();
      more = hopper_next_seeing<S>(h, &round, &t);
    }
    ring_next<S::STAGES>(&at.v);
  }
}

template <class S, bool HALF>
__global__ void __launch_bounds__(S::THREADS, 1) hopper_attention(const __grid_constant__ HopperLaunch h) {
  extern __shared__ unsigned char memory[];
  HopperShared<S> m = hopper_shared<S>(memory);
  if (threadIdx.x == 0) {
    for (int i = 0; i < S::Q_STAGES; i++) {
      barrier_init(m.qFull + i, 1);
      barrier_init(m.qEmpty + i, S::GROUPS);
    }
    for (int i = 0; i < S::STAGES; i++) {
      barrier_init(m.kFull + i, 1);
      barrier_init(m.kEmpty + i, S::GROUPS);
      barrier_init(m.vFull + i, 1);
      barrier_init(m.vEmpty + i, S::GROUPS);
    }
    barrier_publish();
  }
  // A paged tile may leave rows of a stage unwritten: weights of 0 must not meet NaN there.
  if (h.c.p.blockSize > 0) {
    for (int i = threadIdx.x * 16; i < 2 * S::STAGES * S::KV_BYTES; i += S::THREADS * 16) {
      *(uint4 *)(m.k + i) = make_uint4(0, 0, 0, 0);
    }
    proxy_fence();
  }
  __syncthreads();
  if (threadIdx.x < GROUP) {
    registers_give<S::PRODUCER_REGISTERS>();
    if (threadIdx.x == 0) hopper_produce<S>(h, m);
  } else {
    registers_take<S::REGISTERS>();
    hopper_consume<S, HALF>(h, m);
  }
}

#endif

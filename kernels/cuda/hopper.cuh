// Prefill for compute capability 9.0: a producer warp feeds tiles by TMA, two or three warpgroups of 64 query tokens
// multiply them with wgmma. A warpgroup keeps scores, weights and output in registers; while its softmax runs, its next
// scores and the other warpgroups' products are in the tensor cores. Operands have PARTS 16-bit parts: one for 16-bit
// precision; two, scaled and with three products, for float32 (see stage.cuh). SCORED shapes call the hooks on every
// score; the others know bounds of a row alone.
#ifndef TFJS_ATTENTION_CUDA_HOPPER_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_CUH
#include "hopper_produce.cuh"
#include "hopper_products.cuh"
#include "tile_write.cuh"

/** Where a warpgroup stands in the rings. */
struct HopperRings {
  Ring q, k, v;
  int told;
};

/** Where the next tile that sees keys is told, its queries in place; -1 after the last. Rows without keys end here. */
template <class S>
HOOK int hopper_await(const HopperLaunch &h, const HopperShared<S> &m, HopperRings *at) {
  for (;;) {
    barrier_wait(m.qFull + at->q.at, at->q.parity);
    int told = at->told;
    const volatile WorkTile *t = m.told + told;
    at->told = (told + 1) % HOPPER_TOLD;
    if (t->token < 0) return -1;
    if (t->lastTile >= t->firstTile) return told;
    tile_write_none<S>(h.w, hopper_told(m.told + told));
    named_sync(4 + threadIdx.x / GROUP, GROUP);
    if (threadIdx.x % GROUP == 0) barrier_arrive(m.qEmpty + at->q.at);
    ring_next<S::Q_STAGES>(&at->q);
  }
}

/** Issues a tile's first scores. */
template <class S>
HOOK void hopper_first(const HopperShared<S> &m, const HopperRings &at, u32 q, TileState<S> &g) {
  barrier_wait(m.kFull + at.k.at, at.k.parity);
  hopper_scores<S>(g, q + at.q.at * S::Q_BYTES, shared_address(m.k) + at.k.at * S::KV_BYTES);
}

template <class S>
HOOK void hopper_consume(const HopperLaunch &h, const HopperShared<S> &m) {
  // Told by one lane, so that addresses of operands are known to be the warp's.
  int group = __shfl_sync(~0u, ((int)threadIdx.x - S::FIRST_THREAD) / GROUP, 0), leader = threadIdx.x % GROUP == 0;
  HopperRings at = {};
  TileState<S> g;
  u32 q = shared_address(m.q) + group * S::CHUNKS * GROUP_TOKENS * 128;
  if (S::PING_PONG && group == 0) named_arrive(1, 2 * GROUP);
  int told = hopper_await<S>(h, m, &at);
  if (S::Q_STAGES > 1 && told >= 0) hopper_first<S>(m, at, q, g);
  wgmma_wait<0>();
  while (told >= 0) {
    TileRows r;
    WorkTile t = hopper_told(m.told + told);
    tile_start<S>(h.w, t, m.facts, g, r);
    u32 units = S::UNITS ? (u32)work_units(h.w, t) : 0;
    float rescale[2], part[S::UNITS ? S::HEAD / 2 : 1];
    auto unit = [&](const float *of, int tile) {
      u32 at = recomputed(units);
      return S::UNITS ? of[at + tile] : 1.0f;
    };
    auto multiply_values = [&]() {
      u32 values = shared_address(m.v) + at.v.at * S::KV_BYTES;
      if constexpr (S::UNITS) hopper_values<S>(g, part, values, 0);
      else hopper_values<S>(g, g.o, values, 1);
    };
    auto add_part = [&](const float(&before)[2], int tile) {
      if constexpr (S::UNITS) tile_add<S>(g, part, before, unit(h.w.vUnits, tile));
    };

    if (S::Q_STAGES == 1) {
      hopper_first<S>(m, at, q, g);
      wgmma_wait<0>();
    }
    if (leader) barrier_arrive(m.kEmpty + at.k.at);
    ring_next<S::STAGES>(&at.k);
    int tile = t.lastTile;
    tile_scores<S>(h.w, m.facts, t, tile * S::KEYS, unit(h.w.kUnits, tile), r, g);
    tile_softmax<S>(g, r, unit(h.w.kUnits, tile), rescale);
    tile_pack<S>(g);
    if ((tile + 1) * S::KEYS > t.seqLen) {
      barrier_wait(m.vFull + at.v.at, at.v.parity);
      hopper_clear_tail<S>(m.v + at.v.at * S::KV_BYTES, t.seqLen - tile * S::KEYS);
    }

    for (int next; (next = S::SCORED ? work_before(t, tile) : tile - 1) >= t.firstTile; tile = next) {
      barrier_wait(m.kFull + at.k.at, at.k.parity);
      if (S::PING_PONG) named_sync(1 + group, 2 * GROUP);
      hopper_scores<S>(g, q + at.q.at * S::Q_BYTES, shared_address(m.k) + at.k.at * S::KV_BYTES);
      barrier_wait(m.vFull + at.v.at, at.v.parity);
      multiply_values();
      if (S::PING_PONG) named_arrive(1 + (group + 1) % S::GROUPS, 2 * GROUP);
      // Hooks beside 256 lanes need the registers that the weights in flight would keep.
      wgmma_wait<S::SCORED && S::HEAD == 256 ? 0 : 1>();
      if (leader) barrier_arrive(m.kEmpty + at.k.at);
      ring_next<S::STAGES>(&at.k);
      float before[2] = {rescale[0], rescale[1]};
      tile_scores<S>(h.w, m.facts, t, next * S::KEYS, unit(h.w.kUnits, next), r, g);
      bool rose = tile_softmax<S>(g, r, unit(h.w.kUnits, next), rescale);
      wgmma_wait<0>();
      if (leader) barrier_arrive(m.vEmpty + at.v.at);
      ring_next<S::STAGES>(&at.v);
      if (!S::UNITS && __any_sync(~0u, rose)) tile_rescale<S>(g, rescale);
      add_part(before, tile);
      tile_pack<S>(g);
    }

    // The scores are done with q: another tile's may come.
    if (leader) barrier_arrive(m.qEmpty + at.q.at);
    ring_next<S::Q_STAGES>(&at.q);
    barrier_wait(m.vFull + at.v.at, at.v.parity);
    multiply_values();
    auto end_tile = [&]() {
      if (leader) barrier_arrive(m.vEmpty + at.v.at);
      add_part(rescale, tile);
      tile_write<S>(h.w, hopper_told(m.told + told), g, r);
    };
    int following;
    if constexpr (S::Q_STAGES > 1) {
      following = hopper_await<S>(h, m, &at);
      if (following >= 0) {
        hopper_first<S>(m, at, q, g);
        wgmma_wait<1>();
        end_tile();
        wgmma_wait<0>();
      } else {
        wgmma_wait<0>();
        end_tile();
      }
    } else {
      wgmma_wait<0>();
      end_tile();
      following = hopper_await<S>(h, m, &at);
    }
    told = following;
    ring_next<S::STAGES>(&at.v);
  }
}

template <class S>
__global__ void __launch_bounds__(S::THREADS, S::BLOCKS) hopper_attention(const __grid_constant__ HopperLaunch h) {
  extern __shared__ __align__(1024) unsigned char memory[];
  launch_dependents();
  wait_for_launcher();
  // Swizzles count from multiples of 1024.
  if (shared_address(memory) % 1024 != 0) __trap();
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
  if (h.w.c.p.blockSize > 0) {
    for (int i = threadIdx.x * 16; i < 2 * S::STAGES * S::KV_BYTES; i += S::THREADS * 16) {
      *(uint4 *)(m.k + i) = make_uint4(0, 0, 0, 0);
    }
    proxy_fence();
  }
  __syncthreads();
  if (S::BLOCKS == 1 ? threadIdx.x < GROUP : threadIdx.x >= S::PRODUCER) {
    if constexpr (S::BLOCKS == 1) registers_give<S::PRODUCER_REGISTERS>();
    if (threadIdx.x == S::PRODUCER) hopper_produce<S>(h, m);
  } else {
    if constexpr (S::BLOCKS == 1) registers_take<S::REGISTERS>();
    hopper_consume<S>(h, m);
  }
}

#endif

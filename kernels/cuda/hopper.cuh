// Prefill for compute capability 9.0: a producer warp feeds tiles by TMA, two or three warpgroups of 64 query tokens
// multiply them with wgmma. A warpgroup keeps scores, weights and output in registers; while its softmax runs, its next
// scores and the other warpgroups' products are in the tensor cores. Operands have PARTS 16-bit parts: one for 16-bit
// precision; two, scaled and with three products, for float32 (see stage.cuh).
#ifndef TFJS_ATTENTION_CUDA_HOPPER_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_CUH
#include "async.cuh"
#include "device.cuh"
#include "wgmma.cuh"

#define GROUP 128
#define GROUP_TOKENS 64
#define LOG2E 1.4426950408889634f
#define LN2 0.6931471805599453f

/** What the host prepares for a launch beside `Launch`. */
struct HopperLaunch {
  Launch c;
  /** Operands as [block][head][token][lane]: dense keys are one block a sequence. */
  CUtensorMap q, k, v;
  /** Rows of a box of k and v: a tile's, or a cache block's. */
  int boxRows;
  /** Row tiles of a sequence, tiles in all, query heads that are worked on together. */
  int rowTiles, tiles, headsAtOnce;
  /** Two parts: what a query's parts are to be multiplied with [tokens, N], a tile's keys and values [B, K, keyTiles]. */
  const float *qUnits, *kUnits, *vUnits;
  int keyTiles;
};

template <int HEAD_, int PARTS_, int GROUPS_, int KEYS_, int STAGES_, bool PING_PONG_>
struct HopperShape {
  static constexpr int HEAD = HEAD_, PARTS = PARTS_, GROUPS = GROUPS_, KEYS = KEYS_, STAGES = STAGES_;
  static constexpr bool PING_PONG = PING_PONG_;
  static constexpr int TOKENS = GROUPS * GROUP_TOKENS, THREADS = (GROUPS + 1) * GROUP;
  static constexpr int PRODUCER_REGISTERS = GROUPS == 3 ? 32 : 24, REGISTERS = GROUPS == 3 ? 160 : 240;
  /** 64 lanes of a tile are a block of rows of 128 bytes. */
  static constexpr int CHUNKS = HEAD / 64 * PARTS;
  static constexpr int Q_BYTES = TOKENS * 128 * CHUNKS, KV_BYTES = KEYS * 128 * CHUNKS;
  static constexpr int SHARED = Q_BYTES + 2 * STAGES * KV_BYTES + 256 + 1024;
};

template <class S>
struct HopperShared {
  unsigned char *q, *k, *v;
  Barrier *qFull, *qEmpty, *kFull, *kEmpty, *vFull, *vEmpty;
};

template <class S>
HOOK HopperShared<S> hopper_shared(unsigned char *memory) {
  HopperShared<S> m;
  m.q = memory + (-(int)shared_address(memory) & 1023);
  m.k = m.q + S::Q_BYTES;
  m.v = m.k + S::STAGES * S::KV_BYTES;
  m.qFull = (Barrier *)(m.v + S::STAGES * S::KV_BYTES);
  m.qEmpty = m.qFull + 1;
  m.kFull = m.qFull + 2;
  m.kEmpty = m.kFull + S::STAGES;
  m.vFull = m.kEmpty + S::STAGES;
  m.vEmpty = m.vFull + S::STAGES;
  return m;
}

/** One tile of work: query tokens [token, token + TOKENS) of one head, and the keys that some of them see. */
struct HopperTile {
  int b, head, kvHead, token;
  Sequence s;
  MaskRange range;
  /** Key tiles from the last down to the first; -1 for none. */
  int lastTile, firstTile;
};

/** The `round`-th tile of this block: heads in turn within as many as the L2 cache holds, long rows first. */
template <class S>
HOOK int hopper_place(const HopperLaunch &h, int round) {
  int at = round % 2 == 0 ? (int)blockIdx.x : (int)(gridDim.x - 1 - blockIdx.x);
  return round * (int)gridDim.x + at;
}

template <class S>
HOOK bool hopper_tile(const HopperLaunch &h, int place, HopperTile *t) {
  const AttnParams &p = h.c.p;
  int section = h.headsAtOnce * h.rowTiles, heads = p.numHeads * p.numSeqs;
  int first = place / section * h.headsAtOnce, rest = place % section, width = mask_min(h.headsAtOnce, heads - first);
  int head = first + rest % width, row = h.rowTiles - 1 - rest / width;
  t->b = head / p.numHeads;
  t->head = head % p.numHeads;
  t->kvHead = t->head / (p.numHeads / p.numKvHeads);
  t->token = row * S::TOKENS;
  t->s = sequence_at(&p, &h.c.o, t->b);
  if (t->token >= t->s.length) return false;
  int last = mask_min(t->token + S::TOKENS, t->s.length) - 1;
  t->range = mask_range(mask_bounds(&p, &t->s.rules, t->s.position + t->token, t->s.seqLen),
                        mask_bounds(&p, &t->s.rules, t->s.position + last, t->s.seqLen));
  bool none = mask_count(t->range) <= 0;
  t->firstTile = t->range.first / S::KEYS;
  t->lastTile = none ? t->firstTile - 1 : (t->range.end - 1) / S::KEYS;
  return true;
}

// ---- the producer

template <class S>
HOOK void hopper_load(const HopperLaunch &h, const CUtensorMap *map, const HopperTile &t, int tile, unsigned char *to,
                      Barrier *full) {
  const AttnParams &p = h.c.p;
  int key = tile * S::KEYS, boxes = 0;
  if (p.blockSize > 0) {
    // Boxes wholly past the sequence are left out: their weights are 0, and the stage holds finite numbers.
    for (int i = 0; i < S::KEYS; i += h.boxRows) boxes += key + i < t.s.seqLen;
  } else {
    boxes = 1;
  }
  barrier_expect(full, (u32)boxes * h.boxRows * 128 * S::CHUNKS);
  const int *table = h.c.o.blockTables + (address)(u32)t.b * (u32)p.maxBlocksPerSeq;
  for (int i = 0; i < boxes; i++) {
    int at = key + i * h.boxRows, block = t.b, token = at;
    if (p.blockSize > 0) block = table[at / p.blockSize], token = at % p.blockSize;
    UNROLL for (int chunk = 0; chunk < S::CHUNKS; chunk++) {
      tma_load(map, to + chunk * S::KEYS * 128 + i * h.boxRows * 128, full, chunk * 64, token, t.kvHead, block);
    }
  }
}

template <class S>
HOOK void hopper_produce(const HopperLaunch &h, const HopperShared<S> &m) {
  Ring k = {0, 1}, v = {0, 1};
  u32 qParity = 1;
  for (int round = 0, place; (place = hopper_place<S>(h, round)) < h.tiles + (int)gridDim.x; round++) {
    HopperTile t;
    if (place >= h.tiles || !hopper_tile<S>(h, place, &t)) continue;
    if (t.lastTile < t.firstTile) continue;
    barrier_wait(m.qEmpty, qParity);
    qParity ^= 1;
    barrier_expect(m.qFull, S::Q_BYTES);
    UNROLL for (int group = 0; group < S::GROUPS; group++) UNROLL for (int chunk = 0; chunk < S::CHUNKS; chunk++) {
      tma_load(&h.q, m.q + (group * S::CHUNKS + chunk) * GROUP_TOKENS * 128, m.qFull, chunk * 64,
               t.s.start + t.token + group * GROUP_TOKENS, t.head, h.c.o.queryStartLoc ? 0 : t.b);
    }
    for (int tile = t.lastTile; tile >= t.firstTile - 1; tile--) {
      if (tile >= t.firstTile) {
        barrier_wait(m.kEmpty + k.at, k.parity);
        hopper_load<S>(h, &h.k, t, tile, m.k + k.at * S::KV_BYTES, m.kFull + k.at);
        ring_next<S::STAGES>(&k);
      }
      if (tile < t.lastTile) {
        barrier_wait(m.vEmpty + v.at, v.parity);
        hopper_load<S>(h, &h.v, t, tile + 1, m.v + v.at * S::KV_BYTES, m.vFull + v.at);
        ring_next<S::STAGES>(&v);
      }
    }
  }
}

// ---- the consumers

/** A thread's two rows, 8 apart: bounds, and the softmax in base 2. */
struct HopperRows {
  int lo[2], hi[2];
  float m[2], l[2];
  /** From products to scores in base 2, before a key tile's unit. */
  float scale[2];
};

template <class S, bool HALF>
struct HopperGroup {
  static constexpr int SCORES = S::KEYS / 2, SUMS = S::HEAD / 2, STEPS = S::KEYS / 16;
  float s[SCORES], o[SUMS];
  u32 weights[S::PARTS][S::KEYS / 4];
};

HOOK u32 pack_half(float a, float b) {
  __half2 x = __floats2half2_rn(a, b);
  return *(u32 *)&x;
}
HOOK u32 pack_bfloat(float a, float b) {
  __nv_bfloat162 x = __floats2bfloat162_rn(a, b);
  return *(u32 *)&x;
}

template <class S, bool HALF>
HOOK void hopper_scores(HopperGroup<S, HALF> &g, u32 q, u32 k) {
  constexpr int BLOCKS = S::HEAD / 64, Q_CHUNK = GROUP_TOKENS * 128, K_CHUNK = S::KEYS * 128;
  wgmma_fence();
  // Small products first: low parts meet high ones before high meets high.
  UNROLL for (int pair = S::PARTS == 1 ? 2 : 0; pair < 3; pair++) {
    int qPart = pair == 0, kPart = pair == 1;
    UNROLL for (int d = 0; d < S::HEAD / 16; d++) {
      u32 a = q + (qPart * BLOCKS + d / 4) * Q_CHUNK + d % 4 * 32;
      u32 b = k + (kPart * BLOCKS + d / 4) * K_CHUNK + d % 4 * 32;
      int more = d > 0 || (S::PARTS > 1 && pair > 0);
      if (HALF) wgmma_keys_f16(g.s, wgmma_operand(a, 16), wgmma_operand(b, 16), more);
      else wgmma_keys_bf16(g.s, wgmma_operand(a, 16), wgmma_operand(b, 16), more);
    }
  }
  wgmma_commit();
}

template <class S, bool HALF>
HOOK void hopper_values(HopperGroup<S, HALF> &g, float (&sums)[S::HEAD / 2], u32 v, int accumulate) {
  constexpr int BLOCKS = S::HEAD / 64, CHUNK = S::KEYS * 128;
  wgmma_fence();
  UNROLL for (int pair = S::PARTS == 1 ? 2 : 0; pair < 3; pair++) {
    int wPart = pair == 0, vPart = pair == 1;
    UNROLL for (int step = 0; step < S::KEYS / 16; step++) {
      unsigned long long b = wgmma_operand(v + vPart * BLOCKS * CHUNK + step * 2048, CHUNK);
      const u32 *a = &g.weights[wPart][4 * step];
      int more = accumulate || step > 0 || (S::PARTS > 1 && pair > 0);
      if (HALF) wgmma_values_f16(sums, a, b, more);
      else wgmma_values_bf16(sums, a, b, more);
    }
  }
  wgmma_commit();
}

template <class S, bool HALF>
HOOK void hopper_mask(HopperGroup<S, HALF> &g, const HopperRows &r, int key) {
  int column = key + threadIdx.x % 4 * 2;
  UNROLL for (int i = 0; i < HopperGroup<S, HALF>::SCORES; i++) {
    int j = column + i / 4 * 8 + i % 2, side = i / 2 % 2;
    g.s[i] = mask_inside(r.lo[side], r.hi[side], j) ? g.s[i] : SOFTMAX_NONE;
  }
}

HOOK float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

/** With two parts, weights are multiplied by this: their low parts then stay far above float16's smallest numbers. */
#define HOPPER_LIFT 0x1p13f

/** Scores to weights, in place; returns in `rescale` what earlier sums are to be multiplied with. */
template <class S, bool HALF>
HOOK bool hopper_softmax(HopperGroup<S, HALF> &g, HopperRows &r, float unit, float (&rescale)[2]) {
  constexpr float SLACK = S::PARTS == 1 ? 6.0f : 0.0f;
  bool rose = false;
  UNROLL for (int side = 0; side < 2; side++) {
    float scale = r.scale[side] * unit, most = SOFTMAX_NONE;
    UNROLL for (int i = 0; i < HopperGroup<S, HALF>::SCORES / 2; i++) {
      most = fmaxf(most, g.s[i / 2 * 4 + side * 2 + i % 2]);
    }
    most = fmaxf(most, __shfl_xor_sync(~0u, most, 1));
    most = fmaxf(most, __shfl_xor_sync(~0u, most, 2));
    float top = most * scale, before = r.m[side];
    float now = top > before + SLACK ? top : before;
    rescale[side] = before == now ? 1.0f : exp2_fast(before - now);
    rose |= now > before;
    r.m[side] = now;
    float shift = softmax_shift(now), sum = 0.0f;
    UNROLL for (int i = 0; i < HopperGroup<S, HALF>::SCORES / 2; i++) {
      float &x = g.s[i / 2 * 4 + side * 2 + i % 2];
      x = exp2_fast(fmaf(x, scale, -shift));
      sum += x;
    }
    r.l[side] = fmaf(r.l[side], rescale[side], sum);
  }
  return rose;
}

/** Weights as the A operand of P V: the layout of scores is that of A, four registers for 16 keys. */
template <class S, bool HALF>
HOOK void hopper_pack(HopperGroup<S, HALF> &g) {
  UNROLL for (int i = 0; i < S::KEYS / 4; i++) {
    float a = g.s[2 * i], b = g.s[2 * i + 1];
    if (S::PARTS > 1) a *= HOPPER_LIFT, b *= HOPPER_LIFT;
    g.weights[0][i] = HALF ? pack_half(a, b) : pack_bfloat(a, b);
    if (S::PARTS > 1) {
      float2 high = __half22float2(*(__half2 *)&g.weights[0][i]);
      g.weights[S::PARTS - 1][i] = pack_half(a - high.x, b - high.y);
    }
  }
}

/** Zeroes values past the sequence's end, whose bytes may be NaN; all consumers meet here. */
template <class S>
HOOK void hopper_clear_tail(unsigned char *v, int begin) {
  int thread = threadIdx.x - GROUP, rows = S::KEYS - begin;
  for (int i = thread; i < rows * 8 * S::CHUNKS; i += S::GROUPS * GROUP) {
    int chunk = i / (rows * 8), rest = i % (rows * 8);
    *(uint4 *)(v + chunk * S::KEYS * 128 + begin * 128 + rest * 16) = make_uint4(0, 0, 0, 0);
  }
  proxy_fence();
  named_sync(8, S::GROUPS * GROUP);
}

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

template <class S, bool HALF>
HOOK void hopper_write(const HopperLaunch &h, const HopperTile &t, HopperGroup<S, HALF> &g, HopperRows &r) {
  const Launch &c = h.c;
  int warp = threadIdx.x % GROUP / 32, lane = threadIdx.x % 32;
  int first = t.token + (threadIdx.x / GROUP - 1) * GROUP_TOKENS + warp * 16;
  float sink = row_sink(&c.p, &c.o, t.head), valueScale = value_scale(&c.p, &c.o, t.kvHead);
  bool bad = false;
  UNROLL for (int i = 0; i < HopperGroup<S, HALF>::SUMS; i++) bad |= !(fabsf(g.o[i]) <= 3.402823466e38f);
  bad = __any_sync(~0u, bad);
  if (lane == 0 && c.redo && first < t.s.length) {
    c.redo[((address)t.b * c.p.numHeads + t.head) * c.redoTiles + first / REDO_TOKENS] = bad;
  }
  UNROLL for (int side = 0; side < 2; side++) {
    int token = first + lane / 4 + side * 8;
    float l = r.l[side];
    l += __shfl_xor_sync(~0u, l, 1);
    l += __shfl_xor_sync(~0u, l, 2);
    SoftmaxResult result = softmax_finish(r.m[side] * LN2, l, sink);
    float factor = result.factor * valueScale * (S::PARTS == 1 ? 1.0f : 1.0f / HOPPER_LIFT);
    bool inside = token < t.s.length;
    address row = (address)(u32)t.b * (u32)c.p.outStrideBatch + (address)(u32)(t.s.start + token) * (u32)c.p.outStrideToken +
                  (u32)t.head * (u32)c.p.outStrideHead;
    if (inside && lane % 4 == 0 && c.o.lse) {
      c.o.lse[(address)(u32)t.b * (u32)c.p.lseStrideBatch + (address)(u32)(t.s.start + token) * (u32)c.p.lseStrideToken +
              (u32)t.head * (u32)c.p.lseStrideHead] = result.lse;
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

template <class S, bool HALF>
HOOK void hopper_start(const HopperLaunch &h, const HopperTile &t, HopperGroup<S, HALF> &g, HopperRows &r) {
  const AttnParams &p = h.c.p;
  int group = threadIdx.x / GROUP - 1, lane = threadIdx.x % 32;
  UNROLL for (int side = 0; side < 2; side++) {
    int token = t.token + group * GROUP_TOKENS + threadIdx.x % GROUP / 32 * 16 + lane / 4 + side * 8;
    token = mask_min(token, t.s.length - 1);
    MaskBounds bounds = mask_bounds(&p, &t.s.rules, t.s.position + token, t.s.seqLen);
    r.lo[side] = bounds.lo;
    r.hi[side] = bounds.hi;
    r.m[side] = SOFTMAX_NONE;
    r.l[side] = 0.0f;
    r.scale[side] = key_scale(&p, &h.c.o, t.kvHead) * LOG2E;
    if (S::PARTS > 1) {
      address query = h.c.o.queryStartLoc ? t.s.start + token : (address)t.b * p.maxQueryLen + token;
      r.scale[side] *= h.qUnits[query * p.numHeads + t.head];
    }
  }
  UNROLL for (int i = 0; i < HopperGroup<S, HALF>::SUMS; i++) g.o[i] = 0.0f;
}

template <class S, bool HALF>
HOOK void hopper_consume(const HopperLaunch &h, const HopperShared<S> &m) {
  int group = threadIdx.x / GROUP - 1, leader = threadIdx.x % GROUP == 0;
  Ring k = {0, 0}, v = {0, 0};
  u32 qParity = 0, q = shared_address(m.q) + group * S::CHUNKS * GROUP_TOKENS * 128;
  if (S::PING_PONG && group == 0) named_arrive(1, 2 * GROUP);
  for (int round = 0, place; (place = hopper_place<S>(h, round)) < h.tiles + (int)gridDim.x; round++) {
    HopperTile t;
    HopperGroup<S, HALF> g;
    HopperRows r;
    if (place >= h.tiles || !hopper_tile<S>(h, place, &t)) continue;
    hopper_start<S, HALF>(h, t, g, r);
    if (t.lastTile < t.firstTile) {
      hopper_write<S, HALF>(h, t, g, r);
      continue;
    }
    int firstRow = t.token + group * GROUP_TOKENS, lastRow = mask_min(firstRow + GROUP_TOKENS, t.s.length) - 1;
    firstRow = mask_min(firstRow, t.s.length - 1);
    MaskBounds first = mask_bounds(&h.c.p, &t.s.rules, t.s.position + firstRow, t.s.seqLen);
    MaskBounds last = mask_bounds(&h.c.p, &t.s.rules, t.s.position + lastRow, t.s.seqLen);
    address units = ((address)t.b * h.c.p.numKvHeads + t.kvHead) * h.keyTiles;
    float rescale[2], part[S::PARTS == 1 ? 1 : S::HEAD / 2];

    barrier_wait(m.qFull, qParity);
    qParity ^= 1;
    barrier_wait(m.kFull + k.at, k.parity);
    hopper_scores<S, HALF>(g, q, shared_address(m.k) + k.at * S::KV_BYTES);
    wgmma_wait<0>();
    if (leader) barrier_arrive(m.kEmpty + k.at);
    ring_next<S::STAGES>(&k);
    auto covered = [&](int tile) {
      return mask_covers(&h.c.p, first, last, tile * S::KEYS, (tile + 1) * S::KEYS);
    };
    auto unit = [&](int tile) { return S::PARTS == 1 ? 1.0f : h.kUnits[units + tile]; };
    if (!covered(t.lastTile)) hopper_mask<S, HALF>(g, r, t.lastTile * S::KEYS);
    hopper_softmax<S, HALF>(g, r, unit(t.lastTile), rescale);
    hopper_pack<S, HALF>(g);
    if ((t.lastTile + 1) * S::KEYS > t.s.seqLen) {
      barrier_wait(m.vFull + v.at, v.parity);
      hopper_clear_tail<S>(m.v + v.at * S::KV_BYTES, t.s.seqLen - t.lastTile * S::KEYS);
    }

    for (int tile = t.lastTile - 1; tile >= t.firstTile; tile--) {
      barrier_wait(m.kFull + k.at, k.parity);
      if (S::PING_PONG) named_sync(1 + group, 2 * GROUP);
      hopper_scores<S, HALF>(g, q, shared_address(m.k) + k.at * S::KV_BYTES);
      barrier_wait(m.vFull + v.at, v.parity);
      u32 values = shared_address(m.v) + v.at * S::KV_BYTES;
      if constexpr (S::PARTS == 1) hopper_values<S, HALF>(g, g.o, values, 1);
      else hopper_values<S, HALF>(g, part, values, 0);
      if (S::PING_PONG) named_arrive(1 + (group + 1) % S::GROUPS, 2 * GROUP);
      wgmma_wait<1>();
      if (leader) barrier_arrive(m.kEmpty + k.at);
      ring_next<S::STAGES>(&k);
      float before[2] = {rescale[0], rescale[1]};
      if (!covered(tile)) hopper_mask<S, HALF>(g, r, tile * S::KEYS);
      bool rose = hopper_softmax<S, HALF>(g, r, unit(tile), rescale);
      wgmma_wait<0>();
      if (leader) barrier_arrive(m.vEmpty + v.at);
      ring_next<S::STAGES>(&v);
      if constexpr (S::PARTS == 1) {
        if (__any_sync(~0u, rose)) {
          UNROLL for (int i = 0; i < S::HEAD / 2; i++) g.o[i] *= rescale[i / 2 % 2];
        }
      } else {
        float valueUnit = h.vUnits[units + tile + 1];
        UNROLL for (int i = 0; i < S::HEAD / 2; i++) g.o[i] = fmaf(g.o[i], before[i / 2 % 2], part[i] * valueUnit);
      }
      hopper_pack<S, HALF>(g);
    }

    // The scores are done with q: the next tile's may come.
    if (leader) barrier_arrive(m.qEmpty);
    barrier_wait(m.vFull + v.at, v.parity);
    u32 values = shared_address(m.v) + v.at * S::KV_BYTES;
    if constexpr (S::PARTS == 1) hopper_values<S, HALF>(g, g.o, values, 1);
    else hopper_values<S, HALF>(g, part, values, 0);
    wgmma_wait<0>();
    if (leader) barrier_arrive(m.vEmpty + v.at);
    ring_next<S::STAGES>(&v);
    if constexpr (S::PARTS > 1) {
      float valueUnit = h.vUnits[units + t.firstTile];
      UNROLL for (int i = 0; i < S::HEAD / 2; i++) g.o[i] = fmaf(g.o[i], rescale[i / 2 % 2], part[i] * valueUnit);
    }
    hopper_write<S, HALF>(h, t, g, r);
  }
}

template <class S, bool HALF>
__global__ void __launch_bounds__(S::THREADS, 1) hopper_attention(const __grid_constant__ HopperLaunch h) {
  extern __shared__ unsigned char memory[];
  HopperShared<S> m = hopper_shared<S>(memory);
  if (threadIdx.x == 0) {
    barrier_init(m.qFull, 1);
    barrier_init(m.qEmpty, S::GROUPS);
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

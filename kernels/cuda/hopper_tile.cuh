// What producer and consumers of the Hopper path share: shapes, shared memory.
#ifndef TFJS_ATTENTION_CUDA_HOPPER_TILE_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_TILE_CUH
#include "async.cuh"
#include "work.cuh"

struct HopperLaunch {
  Work w;
  /** Operands as [block][head][token][lane]: dense keys are one block a sequence. */
  CUtensorMap q, k, v;
  /** Rows of a box of k and v: a tile's, or a cache block's. */
  int boxRows;
};

/** Tiles that the producer tells ahead of those whose groups are still at their end. */
#define HOPPER_TOLD 8

/** FORM: how operands lie. */
template <int HEAD_, class FORM, int GROUPS_, int KEYS_, int STAGES_, int Q_STAGES_, bool PING_PONG_, bool SCORED_,
          int BLOCKS_ = 1>
struct HopperShape {
  static constexpr int HEAD = HEAD_, PARTS = FORM::PARTS, GROUPS = GROUPS_, KEYS = KEYS_, STAGES = STAGES_;
  static constexpr bool HALF = FORM::HALF, UNITS = FORM::UNITS, SCORED = SCORED_, PING_PONG = PING_PONG_;
  /** With two, a tile's first scores are under way while the tile before it is written. */
  static constexpr int Q_STAGES = Q_STAGES_;
  /**
   * Blocks of a multiprocessor. One: the producer's warpgroup comes first and gives its registers away. More: short
   * rows, whose beginnings and ends one block computes while others multiply; the producer is a last warp.
   */
  static constexpr int BLOCKS = BLOCKS_;
  static constexpr int FIRST_THREAD = BLOCKS == 1 ? GROUP : 0, PRODUCER = BLOCKS == 1 ? 0 : GROUPS * GROUP;
  static constexpr int TOKENS = GROUPS * GROUP_TOKENS, THREADS = GROUPS * GROUP + (BLOCKS == 1 ? GROUP : 32);
  static constexpr int PRODUCER_REGISTERS = GROUPS == 3 ? 32 : 24, REGISTERS = GROUPS == 3 ? 160 : 240;
  /** 64 lanes of a tile are a block of rows of 128 bytes. */
  static constexpr int CHUNKS = HEAD / 64 * PARTS;
  static constexpr int Q_BYTES = TOKENS * 128 * CHUNKS, KV_BYTES = KEYS * 128 * CHUNKS;
  static constexpr int FACTS = SCORED ? TOKENS * (int)sizeof(RowFacts) : 0;
  static constexpr int SHARED = Q_STAGES * Q_BYTES + 2 * STAGES * KV_BYTES + FACTS + 1024;
};

template <class S>
struct HopperShared {
  unsigned char *q, *k, *v;
  RowFacts *facts;
  Barrier *qFull, *qEmpty, *kFull, *kEmpty, *vFull, *vEmpty;
  /** A ring; a tile with token -1 follows the last. */
  WorkTile *told;
};

template <class S>
HOOK HopperShared<S> hopper_shared(unsigned char *memory) {
  HopperShared<S> m;
  m.q = memory;
  m.k = m.q + S::Q_STAGES * S::Q_BYTES;
  m.v = m.k + S::STAGES * S::KV_BYTES;
  m.facts = (RowFacts *)(m.v + S::STAGES * S::KV_BYTES);
  m.qFull = (Barrier *)((unsigned char *)m.facts + S::FACTS);
  m.qEmpty = m.qFull + S::Q_STAGES;
  m.kFull = m.qEmpty + S::Q_STAGES;
  m.kEmpty = m.kFull + S::STAGES;
  m.vFull = m.kEmpty + S::STAGES;
  m.vEmpty = m.vFull + S::STAGES;
  m.told = (WorkTile *)(m.vEmpty + S::STAGES);
  static_assert(8 * (2 * S::Q_STAGES + 4 * S::STAGES) + HOPPER_TOLD * sizeof(WorkTile) <= 1024, "room after the facts");
  return m;
}

/** Read anew each time: no registers are left to keep it. */
HOOK WorkTile hopper_told(const WorkTile *from) {
  WorkTile t;
  UNROLL for (int i = 0; i < (int)(sizeof t / sizeof(int)); i++) ((int *)&t)[i] = ((const volatile int *)from)[i];
  return t;
}

#endif

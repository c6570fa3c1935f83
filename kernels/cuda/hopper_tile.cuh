// What producer and consumers of the Hopper path share: shapes, shared memory, the order of the tiles of work.
#ifndef TFJS_ATTENTION_CUDA_HOPPER_TILE_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_TILE_CUH
#include "async.cuh"
#include "device.cuh"

#define GROUP 128
#define GROUP_TOKENS 64

/** What the host prepares for a launch beside `Launch`. */
struct HopperLaunch {
  Launch c;
  /** Operands as [block][head][token][lane]: dense keys are one block a sequence. */
  CUtensorMap q, k, v;
  /** Rows of a box of k and v: a tile's, or a cache block's. */
  int boxRows;
  /** Row tiles of a sequence, tiles in all, query heads that are worked on together. */
  int rowTiles, tiles, headsAtOnce;
  /** Two parts: what a query's are to be multiplied with [tokens, N]; a tile's keys', values' [B, K, keyTiles]. */
  const float *qUnits, *kUnits, *vUnits;
  int keyTiles;
};

template <int HEAD_, int PARTS_, int GROUPS_, int KEYS_, int STAGES_, int Q_STAGES_, bool PING_PONG_>
struct HopperShape {
  static constexpr int HEAD = HEAD_, PARTS = PARTS_, GROUPS = GROUPS_, KEYS = KEYS_, STAGES = STAGES_;
  /** With two, a tile's first scores are under way while the tile before it is written. */
  static constexpr int Q_STAGES = Q_STAGES_;
  static constexpr bool PING_PONG = PING_PONG_;
  static constexpr int TOKENS = GROUPS * GROUP_TOKENS, THREADS = (GROUPS + 1) * GROUP;
  static constexpr int PRODUCER_REGISTERS = GROUPS == 3 ? 32 : 24, REGISTERS = GROUPS == 3 ? 160 : 240;
  /** 64 lanes of a tile are a block of rows of 128 bytes. */
  static constexpr int CHUNKS = HEAD / 64 * PARTS;
  static constexpr int Q_BYTES = TOKENS * 128 * CHUNKS, KV_BYTES = KEYS * 128 * CHUNKS;
  static constexpr int SHARED = Q_STAGES * Q_BYTES + 2 * STAGES * KV_BYTES + 256 + 1024;
};

/** One tile of work: query tokens [token, token + TOKENS) of one head, and the keys that some of them see. */
struct HopperTile {
  int place, b, head, kvHead, token;
  /** Of the sequence: first query token in the operands, number of them, position of the first, keys. */
  int start, length, position, seqLen;
  /** Key tiles from the last down to the first; none where the last comes before the first. */
  int lastTile, firstTile;
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
  m.k = m.q + S::Q_STAGES * S::Q_BYTES;
  m.v = m.k + S::STAGES * S::KV_BYTES;
  m.qFull = (Barrier *)(m.v + S::STAGES * S::KV_BYTES);
  m.qEmpty = m.qFull + S::Q_STAGES;
  m.kFull = m.qEmpty + S::Q_STAGES;
  m.kEmpty = m.kFull + S::STAGES;
  m.vFull = m.kEmpty + S::STAGES;
  m.vEmpty = m.vFull + S::STAGES;
  return m;
}

HOOK MaskBounds hopper_bounds(const HopperLaunch &h, const MaskRules &rules, const HopperTile &t, int token) {
  return mask_bounds(&h.c.p, &rules, t.position + mask_min(token, t.length - 1), t.seqLen);
}

/** The tile of one turn; false where the sequence has no such rows. */
template <class S>
HOOK bool hopper_tile(const HopperLaunch &h, int place, HopperTile *t) {
  const AttnParams &p = h.c.p;
  int section = h.headsAtOnce * h.rowTiles, heads = p.numHeads * p.numSeqs;
  int first = place / section * h.headsAtOnce, rest = place % section, width = mask_min(h.headsAtOnce, heads - first);
  int head = first + rest % width, row = h.rowTiles - 1 - rest / width;
  t->place = place;
  t->b = head / p.numHeads;
  t->head = head % p.numHeads;
  t->kvHead = t->head / (p.numHeads / p.numKvHeads);
  t->token = row * S::TOKENS;
  Sequence s = sequence_at(&p, &h.c.o, t->b);
  t->start = s.start;
  t->length = s.length;
  t->position = s.position;
  t->seqLen = s.seqLen;
  if (t->token >= t->length) return false;
  MaskRange range = mask_range(hopper_bounds(h, s.rules, *t, t->token),
                               hopper_bounds(h, s.rules, *t, t->token + S::TOKENS - 1));
  t->firstTile = range.first / S::KEYS;
  t->lastTile = mask_count(range) > 0 ? (range.end - 1) / S::KEYS : t->firstTile - 1;
  return true;
}

/**
 * A block's next tile from `*round` on; false after the last. Blocks take turns forth and back: heads in turn within
 * `headsAtOnce`, long rows first, so that all have about the same work.
 */
template <class S>
HOOK bool hopper_next(const HopperLaunch &h, int *round, HopperTile *t) {
  int blocks = (int)gridDim.x;
  while (*round * blocks < h.tiles) {
    int place = *round * blocks + (*round % 2 == 0 ? (int)blockIdx.x : blocks - 1 - (int)blockIdx.x);
    (*round)++;
    if (place < h.tiles && hopper_tile<S>(h, place, t)) return true;
  }
  return false;
}

#endif

// Prefill's tiles of work: some query tokens of one head, and the tiles of keys that they see; in which order blocks
// take them. Kernels on wgmma and on mma.sync share this, and all that tile_state.cuh and tile_write.cuh hold.
#ifndef TFJS_ATTENTION_CUDA_WORK_CUH
#define TFJS_ATTENTION_CUDA_WORK_CUH
#include "device.cuh"
#include "prefill_plan.h"
#include "stage.cuh"

/** Threads of a group, and the query tokens it works on: 16 a warp, 2 a thread, in quads of a row. */
#define GROUP 128
#define GROUP_TOKENS 64

/** What the host prepares for a launch beside `Launch`. */
struct Work {
  Launch c;
  /** Row tiles of a sequence, tiles in all, query heads that are worked on together. */
  int rowTiles, tiles, headsAtOnce;
  /** Scaled operands: what a query's are multiplied with [tokens, N]; a tile's keys', values' [B, K, keyTiles]. */
  const float *qUnits, *kUnits, *vUnits;
  int keyTiles;
};

/** Query tokens [token, token + TOKENS) of one head. */
struct WorkTile {
  int b, head, kvHead, token;
  /** Of the sequence: first query token in the operands, number of them, position of the first, keys. */
  int start, length, position, seqLen;
  /** Key tiles from the last down to the first without [gapFirst, gapEnd); none where the last precedes the first. */
  int lastTile, firstTile, gapFirst, gapEnd;
};

HOOK MaskBounds work_bounds(const Work &w, const MaskRules &rules, const WorkTile &t, int token) {
  return mask_bounds(&w.c.p, &rules, t.position + mask_min(token, t.length - 1), t.seqLen);
}

HOOK int work_before(const WorkTile &t, int tile) {
  return tile > t.gapFirst && tile <= t.gapEnd ? t.gapFirst - 1 : tile - 1;
}

/** The tile of one turn; false where the sequence has no such rows. */
template <class S>
HOOK bool work_tile(const Work &w, int place, WorkTile *t) {
  const AttnParams &p = w.c.p;
  int section = w.headsAtOnce * w.rowTiles, heads = p.numHeads * p.numSeqs;
  int first = place / section * w.headsAtOnce, rest = place % section, width = mask_min(w.headsAtOnce, heads - first);
  int head = first + rest % width, row = w.rowTiles - 1 - rest / width;
  t->b = head / p.numHeads;
  t->head = head % p.numHeads;
  t->kvHead = t->head / (p.numHeads / p.numKvHeads);
  t->token = row * S::TOKENS;
  Sequence s = sequence_at(&p, &w.c.o, t->b);
  t->start = s.start;
  t->length = s.length;
  t->position = s.position;
  t->seqLen = s.seqLen;
  if (t->token >= t->length) return false;
  MaskRange range = mask_range(work_bounds(w, s.rules, *t, t->token),
                               work_bounds(w, s.rules, *t, t->token + S::TOKENS - 1));
  t->firstTile = (range.first < range.gap ? range.first : range.resume) / S::KEYS;
  t->lastTile = t->firstTile - 1;
  if (mask_count(range) > 0) t->lastTile = ((range.resume < range.end ? range.end : range.gap) - 1) / S::KEYS;
  t->gapFirst = (range.gap + S::KEYS - 1) / S::KEYS;
  t->gapEnd = mask_max(t->gapFirst, range.resume / S::KEYS);
  return true;
}

/**
 * A block's next tile from `*round` on; false after the last. Blocks take turns forth and back: heads in turn within
 * `headsAtOnce`, long rows first, so that all have about the same work.
 */
template <class S>
HOOK bool work_next(const Work &w, int *round, WorkTile *t) {
  int blocks = (int)gridDim.x;
  while (*round * blocks < w.tiles) {
    int place = *round * blocks + (*round % 2 == 0 ? (int)blockIdx.x : blocks - 1 - (int)blockIdx.x);
    (*round)++;
    if (place < w.tiles && work_tile<S>(w, place, t)) return true;
  }
  return false;
}

/** Where the units of the tile's keys and values begin. */
HOOK address work_units(const Work &w, const WorkTile &t) {
  return ((address)t.b * w.c.p.numKvHeads + t.kvHead) * w.keyTiles;
}

/**
 * Query heads that are worked on together. Long rows: all, in the order of their cost, so that no block is left with a
 * long one at the end; blocks then walk the same keys at about the same time. Short rows: those of one KV head, whose
 * keys and values are read from memory once.
 */
inline void work_order(Work *w, int tokens) {
  constexpr int LONG = 24;
  const AttnParams &p = w->c.p;
  w->rowTiles = (p.maxQueryLen + tokens - 1) / tokens;
  w->tiles = w->rowTiles * p.numHeads * p.numSeqs;
  w->headsAtOnce = w->rowTiles >= LONG ? p.numHeads * p.numSeqs : p.numHeads / p.numKvHeads;
}

/** The work of a launch whose blocks have so many query tokens. */
inline Work prefill_work(const Launch &c, const PrefillPlan &plan, char *workspace, int tokens) {
  Work w;
  w.c = c;
  if (plan.stagesKeys) {
    w.c.p.blockSize = 0;
    w.c.o.blockTables = nullptr;
  }
  work_order(&w, tokens);
  w.qUnits = (float *)(workspace + plan.queryUnits);
  w.kUnits = (float *)(workspace + plan.keyUnits);
  w.keyTiles = plan.keyTiles;
  w.vUnits = w.kUnits + (size_t)c.p.numSeqs * c.p.numKvHeads * plan.keyTiles;
  return w;
}

#endif

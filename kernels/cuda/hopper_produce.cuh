// The producer of the Hopper path: one thread that chooses tiles of work, tells them to the consumers, and keeps the
// rings of queries, keys and values full.
#ifndef TFJS_ATTENTION_CUDA_HOPPER_PRODUCE_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_PRODUCE_CUH
#include "hopper_tile.cuh"

template <class S>
HOOK void hopper_load(const HopperLaunch &h, const CUtensorMap *map, const WorkTile *t, int tile, unsigned char *to,
                      Barrier *full) {
  const AttnParams &p = h.w.c.p;
  int key = tile * S::KEYS, boxes = 0;
  if (p.blockSize > 0) {
    // Boxes wholly past the sequence are left out: their weights are 0, and the stage holds finite numbers.
    for (int i = 0; i < S::KEYS; i += h.boxRows) boxes += key + i < t->seqLen;
  } else {
    boxes = 1;
  }
  barrier_expect(full, (u32)boxes * h.boxRows * 128 * S::CHUNKS);
  const int *table = h.w.c.o.blockTables + (address)(u32)t->b * (u32)p.maxBlocksPerSeq;
  for (int i = 0; i < boxes; i++) {
    int at = key + i * h.boxRows, block = t->b, token = at;
    if (p.blockSize > 0) block = table[at / p.blockSize], token = at % p.blockSize;
    UNROLL for (int chunk = 0; chunk < S::CHUNKS; chunk++) {
      tma_load(map, to + chunk * S::KEYS * 128 + i * h.boxRows * 128, full, chunk * 64, token, t->kvHead, block);
    }
  }
}

/** Chooses the next tile and writes it down. */
template <class S>
HOOK void hopper_choose(const HopperLaunch &h, int *round, WorkTile *to) {
  WorkTile next;
  if (!work_next<S>(h.w, round, &next)) next.token = -1;
  *to = next;
}

/** Hands a tile over: its queries, unless it is the end or sees no key. */
template <class S>
HOOK void hopper_tell(const HopperLaunch &h, const HopperShared<S> &m, const WorkTile *t, Ring *q) {
  barrier_wait(m.qEmpty + q->at, q->parity);
  if (t->token < 0 || t->lastTile < t->firstTile) {
    barrier_arrive(m.qFull + q->at);
  } else {
    barrier_expect(m.qFull + q->at, S::Q_BYTES);
    UNROLL for (int group = 0; group < S::GROUPS; group++) UNROLL for (int chunk = 0; chunk < S::CHUNKS; chunk++) {
      tma_load(&h.q, m.q + q->at * S::Q_BYTES + (group * S::CHUNKS + chunk) * GROUP_TOKENS * 128, m.qFull + q->at,
               chunk * 64, t->start + t->token + group * GROUP_TOKENS, t->head, h.w.c.o.queryStartLoc ? 0 : t->b);
    }
  }
  ring_next<S::Q_STAGES>(q);
}

/** One thread; a tile's values follow the keys after them, as the products do. */
template <class S>
HOOK void hopper_produce(const HopperLaunch &h, const HopperShared<S> &m) {
  Ring q = {0, 1}, k = {0, 1}, v = {0, 1};
  int round = 0;
  WorkTile *t = m.told;
  hopper_choose<S>(h, &round, t);
  hopper_tell<S>(h, m, t, &q);
  for (int next = 1; t->token >= 0; next = (next + 1) % HOPPER_TOLD) {
    auto load_keys = [&](int tile) {
      barrier_wait(m.kEmpty + k.at, k.parity);
      hopper_load<S>(h, &h.k, t, tile, m.k + k.at * S::KV_BYTES, m.kFull + k.at);
      ring_next<S::STAGES>(&k);
    };
    auto load_values = [&](int tile) {
      barrier_wait(m.vEmpty + v.at, v.parity);
      hopper_load<S>(h, &h.v, t, tile, m.v + v.at * S::KV_BYTES, m.vFull + v.at);
      ring_next<S::STAGES>(&v);
    };
    bool sees = t->lastTile >= t->firstTile;
    if (sees) load_keys(t->lastTile);
    hopper_choose<S>(h, &round, m.told + next);
    if (sees) {
      int tile = t->lastTile;
      for (int before; (before = S::SCORED ? work_before(*t, tile) : tile - 1) >= t->firstTile; tile = before) {
        load_keys(before);
        load_values(tile);
      }
      load_values(tile);
    }
    t = m.told + next;
    hopper_tell<S>(h, m, t, &q);
  }
}

#endif

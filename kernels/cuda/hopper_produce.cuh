// The producer of the Hopper path: one thread that keeps the rings of queries, keys and values full.
#ifndef TFJS_ATTENTION_CUDA_HOPPER_PRODUCE_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_PRODUCE_CUH
#include "hopper_tile.cuh"

template <class S>
HOOK void hopper_load(const HopperLaunch &h, const CUtensorMap *map, const HopperTile &t, int tile, unsigned char *to,
                      Barrier *full) {
  const AttnParams &p = h.c.p;
  int key = tile * S::KEYS, boxes = 0;
  if (p.blockSize > 0) {
    // Boxes wholly past the sequence are left out: their weights are 0, and the stage holds finite numbers.
    for (int i = 0; i < S::KEYS; i += h.boxRows) boxes += key + i < t.seqLen;
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

/** One thread; a tile's values follow the keys after them, as the products do. */
template <class S>
HOOK void hopper_produce(const HopperLaunch &h, const HopperShared<S> &m) {
  Ring q = {0, 1}, k = {0, 1}, v = {0, 1};
  HopperTile t;
  for (int round = 0; hopper_next<S>(h, &round, &t);) {
    if (t.lastTile < t.firstTile) continue;
    barrier_wait(m.qEmpty + q.at, q.parity);
    barrier_expect(m.qFull + q.at, S::Q_BYTES);
    UNROLL for (int group = 0; group < S::GROUPS; group++) UNROLL for (int chunk = 0; chunk < S::CHUNKS; chunk++) {
      tma_load(&h.q, m.q + q.at * S::Q_BYTES + (group * S::CHUNKS + chunk) * GROUP_TOKENS * 128, m.qFull + q.at,
               chunk * 64, t.start + t.token + group * GROUP_TOKENS, t.head, h.c.o.queryStartLoc ? 0 : t.b);
    }
    ring_next<S::Q_STAGES>(&q);
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

#endif

// Rows that will be read or written after the tile at hand: their memory is asked for a few rows at a time while the
// tile is computed, since rows of one head lie far apart and no prefetcher of a processor follows them.
#ifndef TFJS_ATTENTION_AHEAD_H
#define TFJS_ATTENTION_AHEAD_H
#include "attention.h"

#define AHEAD_ROWS (PREFILL_ROWS > 2 * PREFILL_KEYS ? PREFILL_ROWS : 2 * PREFILL_KEYS)
#define AHEAD_LINE 64

typedef struct {
  const unsigned char **rows;
  /** Room for what locating keys tells too. */
  const float **scales;
  /** Rows [next, end) are still to be fetched, `turn` at a time, `bytes` of each. */
  u32 next, end, turn, bytes;
  int writes;
} Ahead;

HOOK Ahead ahead_layout(Arena *arena) {
  Ahead a = {0};
  a.rows = arena_take(arena, FETCH_AHEAD * AHEAD_ROWS * sizeof(*a.rows));
  a.scales = arena_take(arena, FETCH_AHEAD * PREFILL_KEYS * sizeof(*a.scales));
  return a;
}

HOOK void ahead_keys(Ahead *a, const KvSide *keys, const KvSide *values, u32 key, u32 count) {
  kv_locate(keys, key, count, a->rows, a->scales);
  kv_locate(values, key, count, a->rows + count, a->scales);
  a->next = 0;
  a->end = 2 * count;
  a->bytes = (keys->size > values->size ? keys->size : values->size) * keys->width;
  a->writes = 0;
}

HOOK void ahead_outputs(Ahead *a, const AttnParams *p, const AttnOperands *o, const Sequence *s,
                        const AttnItem *item) {
  a->next = 0;
  a->end = (u32)item->rows;
  a->bytes = (u32)p->valueHeadSize * sizeof(float);
  a->writes = 1;
  for (u32 r = 0; r < a->end; r++) a->rows[r] = (const unsigned char *)row_out(p, o, s, item, item->row + (int)r);
}

HOOK void ahead_fetch(Ahead *a) {
  if (!FETCH_AHEAD) return;
  for (u32 i = 0; i < a->turn && a->next < a->end; i++) {
    const unsigned char *row = a->rows[a->next++];
    for (u32 at = 0; at < a->bytes; at += AHEAD_LINE) {
      if (a->writes) __builtin_prefetch(row + at, 1, 3);
      else __builtin_prefetch(row + at, 0, 2);
    }
  }
}

#endif

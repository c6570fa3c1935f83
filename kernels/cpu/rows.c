// The rows of a work item and the keys they read.
#include "kv_rows.h"

SHARED RowPlace row_place(const Sequence *s, const AttnItem *item, int row) {
  RowPlace at = {row, item->kvHead, 0};
  if (row >= s->rows) {
    int heads = row / s->rows;
    at.kvHead += heads;
    at.token -= heads * s->rows;
  }
  at.head = at.kvHead;
  if (s->group > 1) {
    int local = at.token;
    at.token = local / s->group;
    at.head = at.kvHead * s->group + local - at.token * s->group;
  }
  return at;
}

SHARED address row_offset(const Sequence *s, const AttnItem *item, int row, int batch, int token, int head) {
  RowPlace at = row_place(s, item, row);
  address i = (u32)(s->start + at.token), n = (u32)at.head;
  return (address)(u32)item->sequence * (u32)batch + i * (u32)token + n * (u32)head;
}

SHARED RowTable rows_layout(Arena *arena, u32 rows) {
  RowTable t;
  t.position = arena_take(arena, rows * sizeof(int));
  t.lo = arena_take(arena, rows * sizeof(int));
  t.hi = arena_take(arena, rows * sizeof(int));
  t.windowLo = arena_take(arena, rows * sizeof(int));
  t.windowHi = arena_take(arena, rows * sizeof(int));
  t.rangeLo = arena_take(arena, rows * sizeof(int));
  t.rangeHi = arena_take(arena, rows * sizeof(int));
  t.qqLimit = arena_take(arena, rows * sizeof(int));
  t.slope = arena_floats(arena, rows);
  t.bias = arena_take(arena, rows * sizeof(*t.bias));
  t.qqBias = arena_take(arena, rows * sizeof(*t.qqBias));
  t.mask = arena_take(arena, rows * sizeof(*t.mask));
  t.context = t.prefix = 0;
  return t;
}

SHARED void rows_fill(const AttnParams *p, const AttnOperands *o, const AttnItem *item, const Sequence *s, RowTable *t,
               u32 rows) {
  t->context = s->seqLen - s->length;
  t->prefix = s->rules.prefix;
  for (u32 r = 0; r < rows; r++) {
    int row = item->row + mask_min((int)r, item->rows - 1);
    int token = row_token(s, row);
    MaskBounds bounds = row_bounds(p, s, row);
    t->position[r] = s->position + token;
    t->lo[r] = bounds.lo;
    t->hi[r] = bounds.hi;
    t->windowLo[r] = bounds.windowLo;
    t->windowHi[r] = bounds.windowHi;
    t->rangeLo[r] = bounds.rangeLo;
    t->rangeHi[r] = bounds.rangeHi;
    t->slope[r] = p->flags & FEATURE_ALIBI ? o->alibiSlopes[row_head(s, item, row)] : 0.0f;
    t->bias[r] = o->bias + row_offset(s, item, row, p->biasStrideBatch, p->biasStrideToken, p->biasStrideHead);
    t->mask[r] = o->mask + row_offset(s, item, row, p->maskStrideBatch, p->maskStrideToken, p->maskStrideHead);
    t->qqLimit[r] = token < p->qqBiasSize ? p->qqBiasSize : 0;
    t->qqBias[r] = o->qqBias + (token < p->qqBiasSize ? (address)token * (u32)p->qqBiasSize : 0);
  }
}

SHARED KvTile kv_tile_layout(const AttnParams *p, Arena *arena, u32 keys) {
  u32 size = (u32)mask_max(p->headSize, p->valueHeadSize);
  KvTile t;
  t.stride = (size + LANES - 1) / LANES * LANES;
  t.rows = arena_take(arena, (keys + TILE_SLACK) * sizeof(*t.rows));
  t.stored = arena_take(arena, keys * sizeof(*t.stored));
  t.tokenScales = arena_take(arena, keys * sizeof(*t.tokenScales));
  t.scales = arena_floats(arena, keys + TILE_SLACK);
  t.decoded = arena_floats(arena, p->kvDtype == KV_FLOAT32 ? 0 : keys * t.stride);
  t.zeros = arena_floats(arena, t.stride);
  t.badIndex = arena_take(arena, keys * sizeof(u32));
  t.badRow = arena_take(arena, keys * sizeof(*t.badRow));
  t.badScale = arena_floats(arena, keys);
  return t;
}

SHARED void kv_tile_load(const AttnParams *p, const KvSide *side, u32 first, u32 count, const KvTile *t) {
  int scaled = side->tokenScales != 0;
  kv_locate(side, first, count, t->stored, t->tokenScales);
  for (u32 i = 0; i < count; i++) {
    t->rows[i] = p->kvDtype == KV_FLOAT32 ? (const float *)t->stored[i] : t->decoded + i * t->stride;
    t->scales[i] = scaled ? kv_token_scale(p->kvDtype, *t->tokenScales[i]) : 1.0f;
  }
  for (u32 i = count; i < count + TILE_SLACK; i++) {
    t->rows[i] = t->zeros;
    t->scales[i] = 0.0f;
  }
  if (p->kvDtype == KV_FLOAT32) return;
  decode_rows(p->kvDtype, t->stored, t->tokenScales, count, t->decoded, t->stride, side->size);
}

/** Multiplying by 0 keeps a sum at 0 unless an element is NaN or infinite. */
SHARED int all_finite(const float *row, u32 size, float scale) {
  vf sum = vf_splat(0.0f);
  float rest = scale * 0.0f;
  u32 d = 0;
  for (; d + LANES <= size; d += LANES) sum = vf_madd(vf_load(row + d), vf_splat(0.0f), sum);
  for (; d < size; d++) rest += row[d] * 0.0f;
  return vf_sum(sum) + rest == 0.0f;
}

SHARED u32 kv_tile_hide_bad(const KvSide *side, u32 count, const KvTile *t) {
  u32 bad = 0;
  for (u32 i = 0; i < count; i++) {
    if (all_finite(t->rows[i], side->size, t->scales[i])) continue;
    t->badIndex[bad] = i;
    t->badScale[bad] = t->scales[i];
    t->badRow[bad++] = t->rows[i];
    t->rows[i] = t->zeros;
    t->scales[i] = 1.0f;
  }
  return bad;
}

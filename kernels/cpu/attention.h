// What the CPU skeletons share: work items, the rows of an item, scratch memory.
#ifndef TFJS_ATTENTION_CPU_ATTENTION_H
#define TFJS_ATTENTION_CPU_ATTENTION_H
#include "simd.h"
#include "abi.h"
#include "parts/softmax.h"
#include "parts/dropout.h"
#include "parts/score.h"
#include "parts/mask.h"
#include "parts/kv.h"

#if defined(ATTENTION_ISA)
// One translation unit for each instruction set (isa.c): only its table is seen from outside.
#define EXPORT static
#define SHARED static
#else
#define EXPORT __attribute__((visibility("default")))
#define SHARED
#endif

/** Query rows (token, head of the group) that one prefill item takes, in whole panels. */
#define PREFILL_PANELS 16
#define PREFILL_ROWS (PREFILL_PANELS * PANEL)
#define PREFILL_KEYS (TILE_BLOCKS * TILE_SPLATS)
/** Up to so many rows of a sequence and KV head the decode skeleton serves; its items take several heads. */
#define DECODE_HEAD_ROWS 16
#define DECODE_ROWS 64
#define DECODE_KEYS 64
/** Keys of a split, times the heads that share it: decode, and prefill of a sequence that fits in one row tile. */
#define DECODE_SPLIT 4096
#define PREFILL_SPLIT 4096

/**
 * Rows [row, row + rows) from KV head `kvHead` on, over the visible keys [begin, end), counted as they are seen. Rows
 * of a head are (token, head of the group), token first; a decode item runs on into the next heads' rows.
 */
typedef struct AttnItem {
  int sequence, kvHead, row, rows, begin, end;
  /** Items that share these rows, this one the first or a later; 1 = writes the output itself. */
  int splits;
  /** Where this item's state lies in the partials, in floats. */
  address partial;
} AttnItem;

/** One sequence of the batch. */
typedef struct {
  /** First query token in the operands, number of them, position of the first. */
  int start, length, position;
  int seqLen;
  MaskRules rules;
  /** Query heads and rows of a KV head. */
  int group, rows;
} Sequence;

HOOK Sequence sequence_at(const AttnParams *p, const AttnOperands *o, int b) {
  Sequence s;
  s.start = o->queryStartLoc ? o->queryStartLoc[b] : 0;
  s.length = o->queryStartLoc ? o->queryStartLoc[b + 1] - s.start : p->maxQueryLen;
  s.position = o->queryOffsets[b];
  s.seqLen = o->seqLens[b];
  s.rules = mask_rules(p, o, b);
  s.group = p->numHeads / p->numKvHeads;
  s.rows = s.length * s.group;
  return s;
}

/** Dropout is for training, which has many rows: the decode skeleton does without. */
HOOK int sequence_decodes(const AttnParams *p, const Sequence *s) {
  return s->rows <= DECODE_HEAD_ROWS && !(p->flags & FEATURE_DROPOUT);
}

/** A row's token and query head. Divisions take longer than all else here, so the usual cases do without. */
typedef struct {
  int token, kvHead, head;
} RowPlace;

SHARED RowPlace row_place(const Sequence *s, const AttnItem *item, int row);

HOOK int row_token(const Sequence *s, int row) {
  if (row >= s->rows) row %= s->rows;
  return s->group > 1 ? row / s->group : row;
}
HOOK int row_kv_head(const Sequence *s, const AttnItem *item, int row) { return row_place(s, item, row).kvHead; }
HOOK int row_head(const Sequence *s, const AttnItem *item, int row) { return row_place(s, item, row).head; }

HOOK MaskBounds row_bounds(const AttnParams *p, const Sequence *s, int row) {
  return mask_bounds(p, &s->rules, s->position + row_token(s, row), s->seqLen);
}

/** Keys that some of the rows see. */
HOOK MaskRange rows_range(const AttnParams *p, const Sequence *s, int row, int rows) {
  int last = rows < s->rows ? row + rows - 1 : s->rows - 1;
  return mask_range(row_bounds(p, s, row), row_bounds(p, s, last));
}

/** Hands out 64-byte aligned pieces; from address 0 it only counts. */
typedef struct {
  address next;
} Arena;

HOOK void *arena_take(Arena *arena, address bytes) {
  address at = (arena->next + 63) & ~(address)63;
  arena->next = at + bytes;
  return (void *)at;
}

HOOK float *arena_floats(Arena *arena, u32 count) { return arena_take(arena, (address)count * sizeof(float)); }

/** Facts of an item's rows, in arrays by row. */
typedef struct {
  int *position, *lo, *hi, *windowLo, *windowHi, *rangeLo, *rangeHi, *qqLimit;
  float *slope;
  const float **bias, **qqBias;
  const unsigned char **mask;
  int context, prefix;
} RowTable;

/** Room for `rows` rows. */
SHARED RowTable rows_layout(Arena *arena, u32 rows);
/** Fills the table; rows past the item's repeat its last one. */
SHARED void rows_fill(const AttnParams *p, const AttnOperands *o, const AttnItem *item, const Sequence *s, RowTable *table,
               u32 rows);

/** Lane i is row + i. */
HOOK RowLanes rows_lanes(const RowTable *t, u32 row) {
  RowLanes r;
  r.position = vi_load(t->position + row);
  r.lo = vi_load(t->lo + row);
  r.hi = vi_load(t->hi + row);
  r.windowLo = vi_load(t->windowLo + row);
  r.windowHi = vi_load(t->windowHi + row);
  r.rangeLo = vi_load(t->rangeLo + row);
  r.rangeHi = vi_load(t->rangeHi + row);
  r.qqLimit = vi_load(t->qqLimit + row);
  r.slope = vf_load(t->slope + row);
  r.bias = t->bias + row;
  r.mask = t->mask + row;
  r.qqBias = t->qqBias + row;
  r.context = t->context;
  r.prefix = t->prefix;
  r.step = 1;
  return r;
}

HOOK MaskBounds rows_bounds(const RowTable *t, u32 row) {
  MaskBounds b = {t->lo[row], t->hi[row],      t->windowLo[row], t->windowHi[row],
                  t->prefix,  t->rangeLo[row], t->rangeHi[row]};
  return b;
}

/** Every lane is `row`. */
HOOK RowLanes rows_splat(const RowTable *t, u32 row) {
  RowLanes r;
  r.position = vi_splat(t->position[row]);
  r.lo = vi_splat(t->lo[row]);
  r.hi = vi_splat(t->hi[row]);
  r.windowLo = vi_splat(t->windowLo[row]);
  r.windowHi = vi_splat(t->windowHi[row]);
  r.rangeLo = vi_splat(t->rangeLo[row]);
  r.rangeHi = vi_splat(t->rangeHi[row]);
  r.qqLimit = vi_splat(t->qqLimit[row]);
  r.slope = vf_splat(t->slope[row]);
  r.bias = t->bias + row;
  r.mask = t->mask + row;
  r.qqBias = t->qqBias + row;
  r.context = t->context;
  r.prefix = t->prefix;
  r.step = 0;
  return r;
}

/** Query row of the item, its output and its lse (null unless wanted). */
SHARED address row_offset(const Sequence *s, const AttnItem *item, int row, int batch, int token, int head);

HOOK const float *row_query(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item,
                            int row) {
  return o->q + row_offset(s, item, row, p->qStrideBatch, p->qStrideToken, p->qStrideHead);
}

HOOK float *row_out(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item, int row) {
  return o->out + row_offset(s, item, row, p->outStrideBatch, p->outStrideToken, p->outStrideHead);
}

HOOK void row_write_lse(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item, int row,
                        float lse) {
  if (o->lse) o->lse[row_offset(s, item, row, p->lseStrideBatch, p->lseStrideToken, p->lseStrideHead)] = lse;
}

HOOK float row_sink(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item, int row) {
  return p->flags & FEATURE_SINKS ? o->sinks[row_head(s, item, row)] : SOFTMAX_NONE;
}

/** From weighted stored values to the output. */
HOOK float row_value_scale(const AttnParams *p, const AttnOperands *o, const Sequence *s, const AttnItem *item,
                           int row) {
  return kv_head_scale(o->vHeadScales, p->vScale, row_kv_head(s, item, row));
}

/** From products of the query with stored keys to scores. */
HOOK float score_scale(const AttnParams *p, const AttnOperands *o, int kvHead) {
  return p->softmaxScale * kv_head_scale(o->kHeadScales, p->kScale, kvHead);
}

/** A split item's state: o [rows, Hv], then m [rows], then l [rows]. */
HOOK u32 state_floats(const AttnParams *p, int rows) { return (u32)rows * ((u32)p->valueHeadSize + 2); }

/** Scratch of each skeleton, for the layout's own use and to count it. */
SHARED address prefill_scratch(const AttnParams *p);
SHARED address decode_scratch(const AttnParams *p);
SHARED void prefill_item(const AttnParams *p, const AttnOperands *o, const AttnItem *item, float *partials, void *scratch);
SHARED void decode_item(const AttnParams *p, const AttnOperands *o, const AttnItem *item, float *partials, void *scratch);

#endif

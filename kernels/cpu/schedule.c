// Cuts a batch into work items. The cut depends on shapes and lengths alone, so results do not depend on threads.
#include "attention.h"

/** Items of one row tile: its visible keys in equal splits, whole tiles each. */
static u32 add_rows(const AttnParams *p, const Sequence *s, AttnItem item, int longest, int step, AttnItem *items,
                    address *partial) {
  int keys = mask_count(rows_range(p, s, item.row, item.rows));
  int splits = keys > longest ? (keys + longest - 1) / longest : 1;
  int length = ((keys + splits - 1) / splits + step - 1) / step * step;
  splits = keys > length ? (keys + length - 1) / length : 1;
  for (int i = 0; i < splits; i++) {
    item.begin = i * length;
    item.end = mask_min(keys, item.begin + length);
    item.splits = splits;
    item.partial = *partial;
    if (splits > 1) *partial += state_floats(p, item.rows);
    if (items) items[i] = item;
  }
  return (u32)splits;
}

static u32 add_decode(const AttnParams *p, const Sequence *s, int b, AttnItem *items, u32 count, address *partial) {
  int heads = mask_min(p->numKvHeads, DECODE_ROWS / s->rows);
  for (int head = 0; head < p->numKvHeads; head += heads) {
    int taken = mask_min(heads, p->numKvHeads - head);
    AttnItem item = {b, head, 0, taken * s->rows, 0, 0, 1, 0};
    count += add_rows(p, s, item, DECODE_SPLIT / heads, DECODE_KEYS, items ? items + count : 0, partial);
  }
  return count;
}

static u32 add_prefill(const AttnParams *p, const Sequence *s, int b, AttnItem *items, u32 count, address *partial) {
  int longest = s->rows <= PREFILL_ROWS ? PREFILL_SPLIT : MASK_FAR;
  for (int head = 0; head < p->numKvHeads; head++) {
    for (int row = (s->rows - 1) / PREFILL_ROWS * PREFILL_ROWS; row >= 0; row -= PREFILL_ROWS) {
      AttnItem item = {b, head, row, mask_min(PREFILL_ROWS, s->rows - row), 0, 0, 1, 0};
      count += add_rows(p, s, item, longest, PREFILL_KEYS, items ? items + count : 0, partial);
    }
  }
  return count;
}

static u32 schedule(const AttnParams *p, const AttnOperands *o, AttnItem *items, address *partial) {
  u32 count = 0;
  for (int b = 0; b < p->numSeqs; b++) {
    Sequence s = sequence_at(p, o, b);
    if (s.rows == 0) continue;
    if (sequence_decodes(p, &s)) count = add_decode(p, &s, b, items, count, partial);
    else count = add_prefill(p, &s, b, items, count, partial);
  }
  return count;
}

EXPORT u32 attn_schedule(const AttnParams *p, const AttnOperands *o, AttnItem *items) {
  address partial = 0;
  return schedule(p, o, items, &partial);
}

EXPORT address attn_partial_bytes(const AttnParams *p, const AttnOperands *o) {
  address partial = 0;
  schedule(p, o, 0, &partial);
  return partial * sizeof(float);
}

EXPORT address attn_scratch_bytes(const AttnParams *p) {
  address prefill = prefill_scratch(p), decode = decode_scratch(p);
  return (prefill > decode ? prefill : decode) + 64;
}

EXPORT void attn_run(const AttnParams *p, const AttnOperands *o, const AttnItem *items, u32 begin, u32 end,
                     float *partials, void *scratch) {
  for (u32 i = begin; i < end; i++) {
    Sequence s = sequence_at(p, o, items[i].sequence);
    if (sequence_decodes(p, &s)) decode_item(p, o, items + i, partials, scratch);
    else prefill_item(p, o, items + i, partials, scratch);
  }
}

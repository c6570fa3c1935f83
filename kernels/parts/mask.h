// Which keys a query position may see. Position and key are absolute within one sequence.
#ifndef TFJS_ATTENTION_MASK_H
#define TFJS_ATTENTION_MASK_H

#define MASK_FAR 0x3fffffff

/** Key j is inside when lo <= j < hi and (windowLo <= j < windowHi or j < rswaPrefixLen). All grow with position. */
typedef struct {
  int lo, hi, windowLo, windowHi;
} MaskBounds;

/** Visible keys lie in [first, gap) and [resume, end); only an escaping prefix leaves a gap. */
typedef struct {
  int first, gap, resume, end;
} MaskRange;

HOOK int mask_min(int a, int b) { return a < b ? a : b; }
HOOK int mask_max(int a, int b) { return a > b ? a : b; }

HOOK int mask_chunk(int position, int size) {
  int chunk = position / size;
  return chunk * size > position ? chunk - 1 : chunk;
}

HOOK MaskBounds mask_bounds(const AttnParams *p, int position, int seqLen) {
  MaskBounds b = {0, seqLen, 0, MASK_FAR};
  if (p->flags & FEATURE_CAUSAL) b.hi = mask_min(b.hi, position + 1);
  if (p->windowLeft >= 0) b.windowLo = position - mask_min(p->windowLeft, MASK_FAR);
  if (p->windowRight >= 0) b.windowHi = position + 1 + mask_min(p->windowRight, MASK_FAR);
  if (p->chunkSize > 0) {
    int chunk = mask_chunk(position, p->chunkSize);
    if (chunk > p->chunkLookback) b.lo = (chunk - p->chunkLookback) * p->chunkSize;
    if (chunk < seqLen / p->chunkSize) b.hi = mask_min(b.hi, (chunk + 1) * p->chunkSize);
  }
  if (p->rswaPrefixLen > 0) return b;
  b.lo = mask_max(b.lo, b.windowLo);
  b.hi = mask_min(b.hi, b.windowHi);
  b.windowLo = 0;
  b.windowHi = MASK_FAR;
  return b;
}

/** Keys that some row sees, of rows whose positions run from `first`'s to `last`'s. */
HOOK MaskRange mask_range(const AttnParams *p, MaskBounds first, MaskBounds last) {
  MaskRange r;
  r.first = first.lo;
  r.gap = mask_max(r.first, mask_min(p->rswaPrefixLen, last.hi));
  r.resume = mask_max(r.gap, first.windowLo);
  r.end = mask_max(r.resume, mask_min(last.hi, last.windowHi));
  return r;
}

HOOK int mask_count(MaskRange r) { return r.gap - r.first + r.end - r.resume; }

/** The key at place `ordinal` among the keys of the range. */
HOOK int mask_key(MaskRange r, int ordinal) {
  int key = r.first + ordinal;
  return key < r.gap ? key : key - r.gap + r.resume;
}

/** Whether each of the rows sees each of the keys [begin, end), as far as positions tell. */
HOOK int mask_covers(const AttnParams *p, MaskBounds first, MaskBounds last, int begin, int end) {
  if (begin < last.lo || end > first.hi) return 0;
  return end <= p->rswaPrefixLen || (begin >= last.windowLo && end <= first.windowHi);
}

HOOK vi mask_inside(vi lo, vi hi, vi key) { return (key >= lo) & (key < hi); }

HOOK vi mask_visible(const AttnParams *p, const RowLanes *row, vi key) {
  vi seen = mask_inside(row->lo, row->hi, key);
  if (p->rswaPrefixLen > 0) {
    seen &= mask_inside(row->windowLo, row->windowHi, key) | (key < vi_splat(p->rswaPrefixLen));
  }
  return seen;
}

/** The boolean mask tensor: 0 = may not attend. */
HOOK vi mask_allowed(const AttnParams *p, const RowLanes *row, vi key) {
  return vi_gather_u8(row->mask, row->step, key * vi_splat(p->maskStrideKey)) != vi_splat(0);
}

#endif

// Which keys a query position may see. Position and key are absolute within one sequence.
#ifndef TFJS_ATTENTION_MASK_H
#define TFJS_ATTENTION_MASK_H

#define MASK_FAR 0x3fffffff

/** What one sequence's rules are beside the call's. */
typedef struct {
  int causal;
  /** Keys before this position escape the window. */
  int prefix;
  /** First and last position of each range that sees itself in both directions, rising, apart from one another. */
  const int *ranges;
  int rangeCount;
} MaskRules;

/**
 * Key j is inside when lo <= j < hi and (windowLo <= j < windowHi or j < prefix), or rangeLo <= j < rangeHi: the
 * position's own range, nothing if it lies in none. Without the latter all grow with position.
 */
typedef struct {
  int lo, hi, windowLo, windowHi, prefix, rangeLo, rangeHi;
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

HOOK MaskRules mask_rules(const AttnParams *p, const AttnOperands *o, int sequence) {
  MaskRules r = {p->flags & FEATURE_CAUSAL, 0, 0, 0};
  if (p->flags & FEATURE_MIXED_CAUSAL) r.causal = o->causalFlags[sequence];
  if (p->flags & FEATURE_RSWA) r.prefix = o->rswaPrefixLens[sequence];
  if (p->flags & FEATURE_MM_PREFIX) {
    r.ranges = o->mmRanges + o->mmRanges[sequence];
    r.rangeCount = (o->mmRanges[sequence + 1] - o->mmRanges[sequence]) / 2;
  }
  return r;
}

/** The range that holds the position. */
HOOK void mask_own_range(const MaskRules *rules, int position, int seqLen, MaskBounds *b) {
  int before = 0, after = rules->rangeCount;
  while (before < after) {
    int middle = (before + after) / 2;
    if (rules->ranges[2 * middle] <= position) before = middle + 1;
    else after = middle;
  }
  if (before == 0 || position > rules->ranges[2 * before - 1]) return;
  int last = rules->ranges[2 * before - 1];
  b->rangeLo = rules->ranges[2 * before - 2];
  b->rangeHi = last < seqLen ? last + 1 : seqLen;
}

HOOK MaskBounds mask_bounds(const AttnParams *p, const MaskRules *rules, int position, int seqLen) {
  MaskBounds b = {0, seqLen, 0, MASK_FAR, rules->prefix, MASK_FAR, 0};
  mask_own_range(rules, position, seqLen, &b);
  if (rules->causal) b.hi = mask_min(b.hi, position + 1);
  if (p->windowLeft >= 0) b.windowLo = position - mask_min(p->windowLeft, MASK_FAR);
  if (p->windowRight >= 0) b.windowHi = position + 1 + mask_min(p->windowRight, MASK_FAR);
  if (p->chunkSize > 0) {
    int chunk = mask_chunk(position, p->chunkSize);
    if (chunk > p->chunkLookback) b.lo = (chunk - p->chunkLookback) * p->chunkSize;
    if (chunk < seqLen / p->chunkSize) b.hi = mask_min(b.hi, (chunk + 1) * p->chunkSize);
  }
  if (b.prefix > 0) return b;
  b.lo = mask_max(b.lo, b.windowLo);
  b.hi = mask_min(b.hi, b.windowHi);
  b.windowLo = 0;
  b.windowHi = MASK_FAR;
  return b;
}

/**
 * Keys that some row sees, of rows whose positions run from `first`'s to `last`'s. A position's own range and its band
 * both hold it, so only the ranges at the ends can reach beyond all bands.
 */
HOOK MaskRange mask_range(MaskBounds first, MaskBounds last) {
  MaskRange r;
  r.first = mask_min(first.lo, first.rangeLo);
  r.gap = mask_max(r.first, mask_min(first.prefix, last.hi));
  r.resume = mask_max(r.gap, mask_min(mask_max(first.lo, first.windowLo), first.rangeLo));
  r.end = mask_max(r.resume, mask_max(mask_min(last.hi, last.windowHi), last.rangeHi));
  return r;
}

/** Narrows the keys [*from, *to) to those that some row may see. */
HOOK void mask_clip(MaskRange r, int *from, int *to) {
  *from = mask_max(*from, *from < r.gap ? r.first : r.resume);
  *to = mask_min(*to, *to > r.resume ? r.end : r.gap);
}

HOOK int mask_count(MaskRange r) { return r.gap - r.first + r.end - r.resume; }

/** The key at place `ordinal` among the keys of the range. */
HOOK int mask_key(MaskRange r, int ordinal) {
  int key = r.first + ordinal;
  return key < r.gap ? key : key - r.gap + r.resume;
}

/** Whether each of the rows sees each of the keys [begin, end), as far as positions tell; may say no. */
HOOK int mask_covers(const AttnParams *p, MaskBounds first, MaskBounds last, int begin, int end) {
  if (p->flags & FEATURE_MM_PREFIX && begin >= first.rangeLo && end <= last.rangeHi && first.rangeLo == last.rangeLo) {
    return 1;
  }
  if (begin < last.lo || end > first.hi) return 0;
  return end <= first.prefix || (begin >= last.windowLo && end <= first.windowHi);
}

HOOK vi mask_inside(vi lo, vi hi, vi key) { return (key >= lo) & (key < hi); }

HOOK vi mask_visible(const AttnParams *p, const RowLanes *row, vi key) {
  vi seen = mask_inside(row->lo, row->hi, key);
  if (p->flags & FEATURE_RSWA) {
    seen &= mask_inside(row->windowLo, row->windowHi, key) | (key < vi_splat(row->prefix));
  }
  if (p->flags & FEATURE_MM_PREFIX) seen |= mask_inside(row->rangeLo, row->rangeHi, key);
  return seen;
}

/** The boolean mask tensor: 0 = may not attend. */
HOOK vi mask_allowed(const AttnParams *p, const RowLanes *row, vi key) {
  return vi_gather_u8(row->mask, row->step, key * vi_splat(p->maskStrideKey)) != vi_splat(0);
}

#endif

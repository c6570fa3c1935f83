// The query rows of a sequence and KV head: (token, head of the group), token first.
#ifndef TFJS_ATTENTION_CUDA_ROWS_CUH
#define TFJS_ATTENTION_CUDA_ROWS_CUH
#include "lanes.cuh"

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

HOOK int row_token(const Sequence *s, int row) { return row / s->group; }
HOOK int row_head(const Sequence *s, int kvHead, int row) { return kvHead * s->group + row % s->group; }

/** Bounds of a row; rows past the last repeat it. */
HOOK MaskBounds row_bounds(const AttnParams *p, const Sequence *s, int row) {
  return mask_bounds(p, &s->rules, s->position + row_token(s, mask_min(row, s->rows - 1)), s->seqLen);
}

/** Element of an operand with these strides at sequence b, query row `row` of a KV head. */
HOOK address row_offset(const Sequence *s, int b, int kvHead, int row, int batch, int token, int head) {
  address i = (u32)(s->start + row_token(s, row)), n = (u32)row_head(s, kvHead, row);
  return (address)(u32)b * (u32)batch + i * (u32)token + n * (u32)head;
}

/** What a thread keeps of one row: bounds in registers, where the row lies in tensors of the score. */
typedef struct {
  RowLanes lanes;
  const float *bias, *qqBias;
  const unsigned char *mask;
} RowFacts;

HOOK void row_facts(const AttnParams *p, const AttnOperands *o, const Sequence *s, int b, int kvHead, int row,
                    RowFacts *f) {
  row = mask_min(row, s->rows - 1);
  int token = row_token(s, row);
  MaskBounds bounds = row_bounds(p, s, row);
  RowLanes *r = &f->lanes;
  r->position = s->position + token;
  r->lo = bounds.lo;
  r->hi = bounds.hi;
  r->windowLo = bounds.windowLo;
  r->windowHi = bounds.windowHi;
  r->rangeLo = bounds.rangeLo;
  r->rangeHi = bounds.rangeHi;
  r->prefix = bounds.prefix;
  r->slope = p->flags & FEATURE_ALIBI ? o->alibiSlopes[row_head(s, kvHead, row)] : 0.0f;
  r->qqLimit = token < p->qqBiasSize ? p->qqBiasSize : 0;
  r->context = s->seqLen - s->length;
  r->step = 0;
  f->bias = o->bias + row_offset(s, b, kvHead, row, p->biasStrideBatch, p->biasStrideToken, p->biasStrideHead);
  f->mask = o->mask + row_offset(s, b, kvHead, row, p->maskStrideBatch, p->maskStrideToken, p->maskStrideHead);
  f->qqBias = o->qqBias + (token < p->qqBiasSize ? (address)token * (u32)p->qqBiasSize : 0);
}

/** From a scaled product to what softmax takes: features, then -inf where the row does not see the key. */
HOOK float row_score(const AttnParams *p, const RowFacts *f, float s, int key, int features, int covered) {
  RowLanes row = f->lanes;
  const float *bias = f->bias, *qqBias = f->qqBias;
  const unsigned char *mask = f->mask;
  row.bias = &bias;
  row.qqBias = &qqBias;
  row.mask = &mask;
  if (features) s = score_apply(p, &row, s, key);
  if (!covered) s = mask_visible(p, &row, key) ? s : SOFTMAX_NONE;
  if (p->flags & FEATURE_MASK) s = mask_allowed(p, &row, key) ? s : SOFTMAX_NONE;
  return s;
}

HOOK float row_sink(const AttnParams *p, const AttnOperands *o, int head) {
  return p->flags & FEATURE_SINKS ? o->sinks[head] : SOFTMAX_NONE;
}

#endif

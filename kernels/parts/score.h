// From a scaled product to a score: soft cap, bias, tree bias, ALiBi.
#ifndef TFJS_ATTENTION_SCORE_H
#define TFJS_ATTENTION_SCORE_H

/** What the lanes know about their rows. Lane i's pointers are at [i * step]: step 0 puts one row in every lane. */
typedef struct {
  vi position, lo, hi, windowLo, windowHi, rangeLo, rangeHi;
  vf slope;
  const float *const *bias;
  const unsigned char *const *mask;
  const float *const *qqBias;
  /** Columns of the tree bias that count; 0 in rows outside it. */
  vi qqLimit;
  /** Key of the tree bias's first column; keys that escape the window. */
  int context, prefix;
  u32 step;
} RowLanes;

/** Whether anything is done to a raw product. */
HOOK int score_features(const AttnParams *p) {
  return p->logitsSoftCap > 0 || p->flags & (FEATURE_BIAS | FEATURE_QQ_BIAS | FEATURE_ALIBI);
}

/** Whether a tensor may hide keys: the mask, or a bias of -inf. */
HOOK int score_hides(const AttnParams *p) {
  return p->flags & (FEATURE_MASK | FEATURE_BIAS | FEATURE_QQ_BIAS);
}

/** tanh, relatively accurate near 0 too: an odd polynomial below 0.55, 1 - 2e / (1 + e) with e = e^-2|x| above. */
HOOK vf score_tanh(vf x) {
  vf square = x * x;
  vf y = vf_splat(1.6437580808997154e-2f);
  y = vf_madd(y, square, vf_splat(-5.2671812474727631e-2f));
  y = vf_madd(y, square, vf_splat(1.3320724666118622e-1f));
  y = vf_madd(y, square, vf_splat(-3.3332946896553040e-1f));
  vf small = vf_madd(y * square, x, x);
  vi sign = vf_bits(x) & vi_splat((int)0x80000000u);
  vf size = vf_from_bits(vf_bits(x) ^ sign);
  vf e = softmax_exp(vf_splat(-2.0f) * size);
  vf large = vf_splat(1.0f) - (e + e) / (vf_splat(1.0f) + e);
  large = vf_from_bits(vf_bits(large) | sign);
  return vf_select(size < vf_splat(0.55f), small, large);
}

/** A kernel in 16 bits may bring a faster one. */
#ifndef SCORE_TANH
#define SCORE_TANH score_tanh
#endif

HOOK vf score_softcap(vf s, float cap) {
  return vf_splat(cap) * SCORE_TANH(s / vf_splat(cap));
}

/** Its slope at s: 1 - tanh(s / cap)^2. */
HOOK vf score_softcap_slope(vf s, float cap) {
  vf bent = score_tanh(s / vf_splat(cap));
  return vf_splat(1.0f) - bent * bent;
}

/** A bias of -inf hides the key even if s is NaN. */
HOOK vf score_add(vf s, vf bias) {
  return vf_select(bias == vf_splat(SOFTMAX_NONE), bias, s + bias);
}

HOOK vf score_tree(const RowLanes *row, vf s, vi key) {
  vi column = key - vi_splat(row->context);
  vi inside = (column >= vi_splat(0)) & (column < row->qqLimit);
  vf bias = vf_gather(row->qqBias, row->step, vi_select(inside, column, vi_splat(0)));
  return vf_select(inside, score_add(s, bias), s);
}

HOOK vf score_alibi(const RowLanes *row, vf s, vi key) {
  vf distance = vf_convert(row->position - key);
  distance = vf_from_bits(vf_bits(distance) & vi_splat(0x7fffffff));
  return s - row->slope * distance;
}

HOOK vf score_apply(const AttnParams *p, const RowLanes *row, vf s, vi key) {
  if (p->logitsSoftCap > 0) s = score_softcap(s, p->logitsSoftCap);
  if (p->flags & FEATURE_BIAS) {
    s = score_add(s, vf_gather(row->bias, row->step, key * vi_splat(p->biasStrideKey)));
  }
  if (p->flags & FEATURE_QQ_BIAS) s = score_tree(row, s, key);
  if (p->flags & FEATURE_ALIBI) s = score_alibi(row, s, key);
  return s;
}

#endif

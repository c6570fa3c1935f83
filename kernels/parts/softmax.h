// The running softmax: a row's state is (m, l, o) with weights exp(s - m), l their sum and o their weighted values. m
// is within SOFTMAX_SLACK of the largest score so far.
#ifndef TFJS_ATTENTION_SOFTMAX_H
#define TFJS_ATTENTION_SOFTMAX_H

#define SOFTMAX_NONE (-__builtin_inff())

/**
 * e^x for x <= 80, within 2 units in the last place; 0 below -88.03, NaN kept. x = n ln 2 + r: adding 1.5 * 2^23 rounds
 * x * log2(e) to the integer n, which the sum's low bits then hold; 127 more makes them the exponent field. ln 2 is
 * taken off in two parts, the first so short that its product with n is exact.
 */
HOOK vf softmax_exp(vf x) {
  vf magic = vf_splat(12582912.0f + 127.0f);
  x = vf_max(x, vf_splat(-88.02969193f));
  vf t = vf_madd(x, vf_splat(1.44269504f), magic);
  vf minus = magic - t;
  vf r = vf_madd(minus, vf_splat(0.693359375f), x);
  r = vf_madd(minus, vf_splat(-2.1219444170128554e-4f), r);
  vf y = vf_splat(1.381459878757596e-3f);
  y = vf_madd(y, r, vf_splat(8.368716575205326e-3f));
  y = vf_madd(y, r, vf_splat(4.166838899254799e-2f));
  y = vf_madd(y, r, vf_splat(1.666652113199234e-1f));
  y = vf_madd(y, r, vf_splat(4.999999403953552e-1f));
  y = vf_madd(y, r, vf_splat(1.0f));
  y = vf_madd(y, r, vf_splat(1.0f));
  return y * vf_from_bits(vf_bits(t) << 23);
}

/** ln x for normal x > 0: x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)). NaN and infinity stay what they are. */
HOOK vf softmax_log(vf x) {
  vi e = (vf_bits(x) - vi_splat(0x3f3504f3)) >> 23;
  vf f = vf_from_bits(vf_bits(x) - (e << 23)) - vf_splat(1.0f);
  vf y = vf_splat(-7.8596182167530060e-2f);
  y = vf_madd(y, f, vf_splat(1.2881650030612946e-1f));
  y = vf_madd(y, f, vf_splat(-1.3128753006458282e-1f));
  y = vf_madd(y, f, vf_splat(1.4181192219257355e-1f));
  y = vf_madd(y, f, vf_splat(-1.6624553501605988e-1f));
  y = vf_madd(y, f, vf_splat(2.0002286136150360e-1f));
  y = vf_madd(y, f, vf_splat(-2.5000810623168945e-1f));
  y = vf_madd(y, f, vf_splat(3.3333316445350647e-1f));
  y = (y * f - vf_splat(0.5f)) * (f * f) + f;
  y = vf_madd(vf_convert(e), vf_splat(0.693147180559945f), y);
  return vf_select(x - x == vf_splat(0.0f), y, x);
}

#define SOFTMAX_SLACK 4.0f

/** The m for a row whose largest score is now `most`: letting weights grow to e^4 saves nearly all rescaling. */
HOOK vf softmax_raise(vf m, vf most) { return vf_select(most > m + vf_splat(SOFTMAX_SLACK), most, m); }

/** What scores are measured from: 0 while nothing is visible, so that -inf - -inf does not arise. */
HOOK vf softmax_shift(vf m) { return vf_select(m == vf_splat(SOFTMAX_NONE), vf_splat(0.0f), m); }

HOOK vf softmax_weight(vf score, vf shift) { return softmax_exp(score - shift); }

/** What an old state is multiplied with when its maximum rises to one with this shift. */
HOOK vf softmax_rescale(vf m, vf shift) { return softmax_exp(m - shift); }

typedef struct {
  /** Multiplies o. */
  vf factor;
  /** Natural log of the denominator without the sink. */
  vf lse;
} SoftmaxResult;

/** Ends a row: the sink joins the denominator here and nowhere else. Without a visible key: 0 and -inf. */
HOOK SoftmaxResult softmax_finish(vf m, vf l, vf sink) {
  vf none = vf_splat(SOFTMAX_NONE);
  vf top = softmax_shift(vf_max(m, sink));
  vf scale = softmax_rescale(m, top);
  vf sum = vf_madd(l, scale, softmax_exp(sink - top));
  vi empty = l == vf_splat(0.0f);
  SoftmaxResult result;
  result.factor = vf_select(empty, vf_splat(0.0f), scale / sum);
  result.lse = vf_select(empty, none, m + softmax_log(l));
  return result;
}

#endif

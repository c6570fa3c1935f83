// The running softmax: a row's state is (m, l, o) with weights exp(s - m), l their sum and o their weighted values. m is
// the largest score so far to the nearest multiple of SOFTMAX_STEP, so that it seldom changes from tile to tile.
#define SOFTMAX_NONE uintBitsToFloat(0xff800000u)
#define SOFTMAX_STEP 8.0

// By bits: compilers may take x != x for false.
bool softmax_is_nan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }

// e^x for x <= 80, within 2 units in the last place; 0 below -87.7, NaN kept.
float softmax_exp(float x) {
  float low = max(x, -88.02969193);
  float n = floor(low * 1.44269504 + 0.5);
  float r = low - n * 0.693359375;
  r += n * 2.1219444170128554e-4;
  float y = 1.381459878757596e-3 * r + 8.368716575205326e-3;
  y = y * r + 4.166838899254799e-2;
  y = y * r + 1.666652113199234e-1;
  y = y * r + 4.999999403953552e-1;
  y = y * r + 1.0;
  y = y * r + 1.0;
  y *= uintBitsToFloat(uint(int(n) + 127) << 23);
  return softmax_is_nan(x) ? x : y;
}

// ln x for normal x > 0: x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)). NaN and infinity stay what they are.
float softmax_log(float x) {
  int bits = floatBitsToInt(x);
  int e = (bits - 0x3f3504f3) >> 23;
  float f = intBitsToFloat(bits - (e << 23)) - 1.0;
  float y = -7.8596182167530060e-2 * f + 1.2881650030612946e-1;
  y = y * f - 1.3128753006458282e-1;
  y = y * f + 1.4181192219257355e-1;
  y = y * f - 1.6624553501605988e-1;
  y = y * f + 2.0002286136150360e-1;
  y = y * f - 2.5000810623168945e-1;
  y = y * f + 3.3333316445350647e-1;
  y = (y * f - 0.5) * (f * f) + f;
  y += float(e) * 0.693147180559945;
  return (bits & 0x7f800000) == 0x7f800000 ? x : y;
}

// What scores are measured from: 0 while nothing is visible, so that -inf - -inf does not arise.
float softmax_shift(float m) { return m == SOFTMAX_NONE ? 0.0 : m; }

// The m of a largest score.
float softmax_step(float top) {
  return top == SOFTMAX_NONE ? top : floor(top * (1.0 / SOFTMAX_STEP) + 0.5) * SOFTMAX_STEP;
}

// What weights measured from m become when measured from `top`.
float softmax_rescale(float m, float top) { return m == SOFTMAX_NONE ? 0.0 : softmax_exp(m - softmax_shift(top)); }

// Ends a row: the sink joins the denominator here and nowhere else. x multiplies o; y = lse, the natural log of the
// denominator without the sink. Without a visible key: 0 and -inf.
vec2 softmax_finish(float m, float l, float sink) {
  float top = softmax_shift(max(m, sink));
  float scale = softmax_rescale(m, top);
  float sum = l * scale + softmax_rescale(sink, top);
  bool empty = l == 0.0;
  return vec2(empty ? 0.0 : scale / sum, empty ? SOFTMAX_NONE : m + softmax_log(l));
}

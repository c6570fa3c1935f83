// What a gradient by scores becomes by products.
#include "parts/score.glsl"

// `s` is the scaled product.
float score_slope(float s) {
#ifdef FEATURE_SOFTCAP
  float bent = score_tanh(s / p_logitsSoftCap);
  return (1.0 - bent * bent) * p_softmaxScale;
#else
  return p_softmaxScale;
#endif
}

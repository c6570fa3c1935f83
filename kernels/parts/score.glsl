// From a scaled product to a score: soft cap, bias, tree bias, ALiBi.
#include "webgl/batch.glsl"
#include "parts/softmax.glsl"

#ifdef FEATURE_BIAS
uniform sampler2D bias;
uniform ivec2 biasView;
#endif
#ifdef FEATURE_QQ_BIAS
uniform sampler2D qqBias;
uniform ivec2 qqBiasView;
#endif
#ifdef FEATURE_ALIBI
uniform sampler2D alibiSlopes;
uniform ivec2 alibiSlopesView;
#endif

// tanh, relatively accurate near 0 too: an odd polynomial below 0.55, 1 - 2e / (1 + e) with e = e^-2|x| above.
float score_tanh(float x) {
  float size = abs(x), square = x * x;
  float y = 1.6437580808997154e-2 * square - 5.2671812474727631e-2;
  y = (y * square + 1.3320724666118622e-1) * square - 3.3332946896553040e-1;
  float small = y * square * x + x;
  float e = softmax_exp(-2.0 * size);
  float large = 1.0 - (e + e) / (1.0 + e);
  return size < 0.55 ? small : (x < 0.0 ? -large : large);
}

// A bias of -inf hides the key even if s is NaN.
float score_add(float s, float bias) { return bias == SOFTMAX_NONE ? bias : s + bias; }

float score_apply(Sequence sequence, Row row, int key, float s) {
#ifdef FEATURE_SOFTCAP
  s = softmax_is_nan(s) ? s : p_logitsSoftCap * score_tanh(s / p_logitsSoftCap);
#endif
#ifdef FEATURE_BIAS
  int at = sequence.index * p_biasStrideBatch + row.head * p_biasStrideHead + row.token * p_biasStrideToken;
  s = score_add(s, tensor_value(bias, biasView, at + key * p_biasStrideKey));
#endif
#ifdef FEATURE_QQ_BIAS
  int column = key - (sequence.keys - sequence.length);
  bool inside = column >= 0 && column < p_qqBiasSize && row.query < p_qqBiasSize;
  float tree = tensor_value(qqBias, qqBiasView, inside ? row.query * p_qqBiasSize + column : 0);
  s = inside ? score_add(s, tree) : s;
#endif
#ifdef FEATURE_ALIBI
  float slope = tensor_value(alibiSlopes, alibiSlopesView, row.head);
  s -= slope * abs(float(row.position - key));
#endif
  return s;
}

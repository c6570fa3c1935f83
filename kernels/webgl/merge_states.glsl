// Two states of the same rows over different keys: value i of the output `[rows, lanes]`, or with WRITES_LSE of the lse.
#include "webgl/texels.glsl"
#include "parts/softmax.glsl"

uniform sampler2D outputA, outputB, lseA, lseB;
uniform ivec2 outputAView, outputBView, lseAView, lseBView;
#ifdef FEATURE_SINKS
uniform sampler2D sinks;
uniform ivec2 sinksView;
#endif
// Heads, lanes, width of the output's texture, values of the output.
uniform ivec4 axes;

layout(location = 0) out highp vec4 result;

// An lse of +inf stands for no visible key in some libraries; so it does here.
float merge_lse(float lse) { return lse == -SOFTMAX_NONE ? SOFTMAX_NONE : lse; }

float merge_part(float value, float share) { return share == 0.0 ? 0.0 : value * share; }

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int i = at.y * axes.z + at.x;
  if (i >= axes.w) discard;
#ifdef WRITES_LSE
  int row = i;
#else
  int row = i / axes.y;
#endif
  float a = merge_lse(tensor_value(lseA, lseAView, row)), b = merge_lse(tensor_value(lseB, lseBView, row));
  float m = a > b || softmax_is_nan(a) ? a : b;
  float weightA = softmax_rescale(a, m), weightB = softmax_rescale(b, m);
#ifdef FEATURE_SINKS
  float sink = tensor_value(sinks, sinksView, row % axes.x);
#else
  float sink = SOFTMAX_NONE;
#endif
  vec2 finished = softmax_finish(m, weightA + weightB, sink);
#ifdef WRITES_LSE
  result = vec4(finished.y, 0.0, 0.0, 0.0);
#else
  float sum = merge_part(tensor_value(outputA, outputAView, i), weightA * finished.x) +
      merge_part(tensor_value(outputB, outputBView, i), weightB * finished.x);
  result = vec4(sum, 0.0, 0.0, 0.0);
#endif
}

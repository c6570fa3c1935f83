// Merges the splits of every row, applies sinks and writes the output tensor, or with WRITES_LSE the lse.
#include "webgl/output_place.glsl"
#include "parts/softmax.glsl"

uniform usampler2DArray state;
#ifdef FEATURE_SINKS
uniform sampler2D sinks;
uniform ivec2 sinksView;
#endif
#if defined(HEAD_SCALES) && !defined(WRITES_LSE)
uniform usampler2DArray headScales;
#endif

layout(location = 0) out highp vec4 result;

#ifdef WRITES_LSE
#define LANES 1
#else
#define LANES VALUE_LANES
#endif

void main() {
  int i = output_index();
  if (i >= size) discard;
  Place place = output_place(i, LANES);
  if (!place.here) discard;

  float m = SOFTMAX_NONE, l = 0.0, o = 0.0;
  for (int split = 0; split < tiles.z; split++) {
    int x = split * (VALUE_BLOCKS + 1);
    vec2 part = uintBitsToFloat(texelFetch(state, ivec3(x + VALUE_BLOCKS, place.y, place.row * QUADS), 0)).xy;
    float fade = 1.0, rise = 1.0;
    if (part.x != m) {
      float top = max(m, part.x);
      fade = softmax_rescale(m, top);
      rise = softmax_rescale(part.x, top);
      m = top;
    }
    l = l * fade + part.y * rise;
#ifndef WRITES_LSE
    int quad = place.lane / 4, block = quad / QUADS;
    ivec3 cell = ivec3(x + block, place.y, place.row * QUADS + quad - block * QUADS);
    o = o * fade + uintBitsToFloat(texelFetch(state, cell, 0))[place.lane % 4] * rise;
#endif
  }
#ifdef FEATURE_SINKS
  float sink = tensor_value(sinks, sinksView, place.head);
#else
  float sink = SOFTMAX_NONE;
#endif
  vec2 finished = softmax_finish(m, l, sink);
#ifdef WRITES_LSE
  result = vec4(finished.y, 0.0, 0.0, 0.0);
#else
#ifdef HEAD_SCALES
  finished.x *= uintBitsToFloat(FETCH(headScales, p_numKvHeads + place.kvHead).x);
#endif
  result = vec4(l == 0.0 ? 0.0 : o * finished.x, 0.0, 0.0, 0.0);
#endif
}

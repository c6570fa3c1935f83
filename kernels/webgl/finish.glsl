// Merges the splits of every row, applies sinks and writes the output tensor, or with WRITES_LSE the lse.
#include "webgl/batch.glsl"
#include "parts/softmax.glsl"

uniform usampler2DArray state;
#ifdef FEATURE_SINKS
uniform sampler2D sinks;
uniform ivec2 sinksView;
#endif
#if defined(HEAD_SCALES) && !defined(WRITES_LSE)
uniform usampler2DArray headScales;
#endif
// First group, groups, splits, width of the output's texture.
uniform ivec4 tiles;
// Values of the output.
uniform int size;

layout(location = 0) out highp vec4 result;

#ifdef WRITES_LSE
#define LANES 1
#else
#define LANES VALUE_LANES
#endif

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int place = at.y * tiles.w + at.x;
  if (place >= size) discard;
  int place0 = place / LANES, lane = place - place0 * LANES;
#ifdef HEADS_FIRST
  int token = place0 % p_maxQueryLen, line = place0 / p_maxQueryLen;
  int head = line % p_numHeads;
  Sequence sequence = batch_sequence(line / p_numHeads);
#else
  int token = place0 / p_numHeads, head = place0 - token * p_numHeads;
#ifdef PAGED
  Sequence sequence = batch_sequence(batch_int(intsAt.z, token));
  token -= sequence.start;
#else
  Sequence sequence = batch_sequence(token / p_maxQueryLen);
  token -= sequence.index * p_maxQueryLen;
#endif
#endif
  int kvHead = head / QUERIES_PER_KV;
  int row = token * QUERIES_PER_KV + head - kvHead * QUERIES_PER_KV;
  int group = sequence.firstGroup + row / ROWS - tiles.x;
  row = row % ROWS;
  if (group < 0 || group >= tiles.y) discard;

  int y = kvHead * tiles.y + group;
  float m = SOFTMAX_NONE, l = 0.0, o = 0.0;
  for (int split = 0; split < tiles.z; split++) {
    int x = split * (VALUE_BLOCKS + 1);
    vec2 part = uintBitsToFloat(texelFetch(state, ivec3(x + VALUE_BLOCKS, y, row * QUADS), 0)).xy;
    float fade = 1.0, rise = 1.0;
    if (part.x != m) {
      float top = max(m, part.x);
      fade = softmax_rescale(m, top);
      rise = softmax_rescale(part.x, top);
      m = top;
    }
    l = l * fade + part.y * rise;
#ifndef WRITES_LSE
    int quad = lane / 4, block = quad / QUADS;
    ivec3 cell = ivec3(x + block, y, row * QUADS + quad - block * QUADS);
    o = o * fade + uintBitsToFloat(texelFetch(state, cell, 0))[lane % 4] * rise;
#endif
  }
#ifdef FEATURE_SINKS
  float sink = tensor_value(sinks, sinksView, head);
#else
  float sink = SOFTMAX_NONE;
#endif
  vec2 finished = softmax_finish(m, l, sink);
#ifdef WRITES_LSE
  result = vec4(finished.y, 0.0, 0.0, 0.0);
#else
#ifdef HEAD_SCALES
  finished.x *= uintBitsToFloat(FETCH(headScales, p_numKvHeads + kvHead).x);
#endif
  result = vec4(l == 0.0 ? 0.0 : o * finished.x, 0.0, 0.0, 0.0);
#endif
}

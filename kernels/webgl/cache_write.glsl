// One texel of one head of one token, encoded.
#include "webgl/texels.glsl"
#include "webgl/encode.glsl"

uniform sampler2D rows;
uniform ivec2 rowsView;
// KV heads, lanes, texels of a row, first texel of the head scales.
uniform ivec4 axes;
uniform usampler2DArray scales;

flat in highp ivec3 source;
layout(location = 0) out highp uvec4 texel;

void main() {
  int head = source.y / axes.z;
  int firstLane = (source.y - head * axes.z) * 4 * KV_QUADS;
  int first = (source.x * axes.x + head) * axes.y;
#ifdef TOKEN_SCALES
  uint scale = FETCH(scales, source.z * axes.x + head).x;
#else
  uint scale = FETCH(scales, axes.w + head).x;
#endif
  uvec4 words = uvec4(0u);
  for (int i = 0; i < 4 * KV_QUADS; i++) {
    int lane = firstLane + i;
    if (lane >= axes.y) break;
    uint bits = floatBitsToUint(tensor_value(rows, rowsView, first + lane));
#if KV_TYPE == KV_INT4_PER_TOKEN_HEAD
    uint code = encode_int4(bits, scale);
#else
    uint code = encode(bits_quotient(bits, scale));
#endif
    words[i / KV_QUADS] |= code << (i % KV_QUADS * (32 / KV_QUADS));
  }
  texel = words;
}

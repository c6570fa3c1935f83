// A token's scale for one KV head: max(max|x| / STORED_MAX, 1e-6), of int4 with its zero point. A NaN is no size.
#include "webgl/texels.glsl"
#include "webgl/encode.glsl"

uniform sampler2D rows;
uniform ivec2 rowsView;
// KV heads, lanes.
uniform ivec2 axes;

flat in highp ivec3 source;
layout(location = 0) out highp uvec4 texel;

void main() {
  int first = (source.x * axes.x + source.y) * axes.y;
#if KV_TYPE == KV_INT4_PER_TOKEN_HEAD
  float low = 0.0, high = 0.0;
  for (int lane = 0; lane < axes.y; lane++) {
    float value = tensor_value(rows, rowsView, first + lane);
    if ((floatBitsToUint(value) & 0x7fffffffu) > BITS_INFINITE) continue;
    low = min(low, value);
    high = max(high, value);
  }
  texel = uvec4(encode_int4_scale(low, high), 0u, 0u, 0u);
#else
  uint most = 0u;
  for (int lane = 0; lane < axes.y; lane++) {
    uint magnitude = floatBitsToUint(tensor_value(rows, rowsView, first + lane)) & 0x7fffffffu;
    if (magnitude <= BITS_INFINITE) most = max(most, magnitude);
  }
  // 1e-6
  texel = uvec4(max(bits_quotient(most, uint(STORED_MAX)), 0x358637bdu), 0u, 0u, 0u);
#endif
}

// Dequantised rows of slots: value i of `[T, K, lanes]`; zeros for slot -1.
#include "webgl/texels.glsl"
#include "webgl/decode.glsl"
#include "webgl/float_bits.glsl"

uniform isampler2DArray ints;
uniform usampler2DArray rows;
uniform usampler2DArray scales;
// KV heads, lanes, texels of a row, first texel of the head scales.
uniform ivec4 axes;
// Width of the output's texture, values of the output.
uniform ivec2 target;

layout(location = 0) out highp vec4 result;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int i = at.y * target.x + at.x;
  if (i >= target.y) discard;
  int line = i / axes.y, lane = i - line * axes.y;
  int token = line / axes.x, head = line - token * axes.x;
  int slot = FETCH(ints, token >> 2)[token & 3];
  result = vec4(0.0);
  if (slot < 0) return;
  int row = slot * axes.x + head, quad = lane / 4;
  uvec4 texel = FETCH(rows, row * axes.z + quad / KV_QUADS);
  float value = kv_decode(texel, quad % KV_QUADS)[lane % 4];
#ifdef TOKEN_SCALES
  uint scale = FETCH(scales, row).x;
#else
  uint scale = FETCH(scales, axes.w + head).x;
#endif
#if KV_TYPE == KV_INT4_PER_TOKEN_HEAD
  value -= kv_zero(scale);
  scale &= 0xfffffff0u;
#endif
  result.x = uintBitsToFloat(bits_product(floatBitsToUint(value), scale));
}

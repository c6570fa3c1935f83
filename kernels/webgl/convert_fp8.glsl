// float32 to fp8 codes, or with DECODES back.
#include "webgl/texels.glsl"
#include "webgl/encode.glsl"
#include "webgl/decode.glsl"

uniform sampler2D x;
uniform ivec2 xView;
// Bits of the scale, width of the output's texture, values of the output.
uniform ivec3 target;

layout(location = 0) out highp vec4 result;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int i = at.y * target.y + at.x;
  if (i >= target.z) discard;
  float value = tensor_value(x, xView, i);
#ifdef DECODES
  float real = kv_decode(uvec4(uint(value)), 0).x;
  result = vec4(uintBitsToFloat(bits_product(floatBitsToUint(real), uint(target.x))), 0.0, 0.0, 0.0);
#else
  result = vec4(float(encode(bits_quotient(floatBitsToUint(value), uint(target.x)))), 0.0, 0.0, 0.0);
#endif
}

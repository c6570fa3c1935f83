// Writes gradients of what was added to scores: each the sum of neighbouring elements of a folded array.
#include "webgl/texels.glsl"

uniform usampler2DArray sums;
// Elements of a sum, width of the output's texture, its values.
uniform ivec3 pack;

layout(location = 0) out highp vec4 result;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int place = at.y * pack.y + at.x;
  if (place >= pack.z) discard;
  float sum = 0.0;
  for (int i = place * pack.x; i < (place + 1) * pack.x; i++) sum += uintBitsToFloat(FETCH(sums, i).x);
  result = vec4(sum, 0.0, 0.0, 0.0);
}

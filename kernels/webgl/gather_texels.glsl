// Texel i of a scratch array is texel i % width of the slot that `ints` names for item i / width.
#include "webgl/texels.glsl"

uniform isampler2DArray ints;
uniform usampler2DArray from;
// First texel of the layer, texels of a slot, items, -.
uniform ivec4 pack;

layout(location = 0) out highp uvec4 texel;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int i = pack.x + at.y * 2048 + at.x;
  int item = i / pack.y;
  if (item >= pack.z) discard;
  int slot = FETCH(ints, item >> 2)[item & 3];
  texel = FETCH(from, slot * pack.y + i - item * pack.y);
}

// Vertices: one point a target texel. Point i writes texel i % width of the slot that `ints` names for item i / width.
#include "webgl/texels.glsl"

uniform isampler2DArray ints;
// Texels of a slot, layer that is drawn, and its columns and rows.
uniform ivec4 scatter;

// Item, which of its texels, its slot.
flat out highp ivec3 source;

void main() {
  int item = gl_VertexID / scatter.x;
  int slot = FETCH(ints, item >> 2)[item & 3];
  source = ivec3(item, gl_VertexID - item * scatter.x, slot);
  ivec3 place = texel_place(max(slot, 0) * scatter.x + source.y);
  bool here = slot >= 0 && place.z == scatter.y;
  vec2 at = (vec2(place.xy) + 0.5) * 2.0 / vec2(scatter.zw) - 1.0;
  gl_Position = here ? vec4(at, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = 1.0;
}

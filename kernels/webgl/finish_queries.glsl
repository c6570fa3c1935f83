// Adds the splits of every row's gradient and writes them where the query lies.
#include "webgl/output_place.glsl"

uniform usampler2DArray state;

layout(location = 0) out highp vec4 result;

void main() {
  int i = output_index();
  if (i >= size) discard;
  Place place = output_place(i, HEAD_LANES);
  if (!place.here) discard;
  int quad = place.lane / 4, block = quad / QUADS;
  float sum = 0.0;
  for (int split = 0; split < tiles.z; split++) {
    ivec3 cell = ivec3(split * BLOCKS + block, place.y, place.row * QUADS + quad - block * QUADS);
    sum += uintBitsToFloat(texelFetch(state, cell, 0))[place.lane % 4];
  }
  result = vec4(sum, 0.0, 0.0, 0.0);
}

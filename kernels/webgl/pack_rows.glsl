// Dense keys or values as quads of lanes, row after row as the tensor has them; zeros past the last lane.
#include "webgl/texels.glsl"

uniform sampler2D rows;
uniform ivec2 rowsView;
// First texel of the layer, quads of a row, lanes of a row, rows.
uniform ivec4 pack;

layout(location = 0) out highp uvec4 texel;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int i = pack.x + at.y * 2048 + at.x;
  int row = i / pack.y, first = (i - row * pack.y) * 4;
  if (row >= pack.w) discard;
  texel = floatBitsToUint(tensor_quad(rows, rowsView, row * pack.z + first, pack.z - first));
}

// Query lanes as quads, such that neighbouring groups lie side by side: texel ((quad * ROWS + row) * K + kvHead) * groups
// + group; zeros past the last lane or row.
#include "webgl/batch.glsl"

uniform sampler2D q;
uniform ivec2 qView;
// First texel of the layer, groups.
uniform ivec4 pack;

layout(location = 0) out highp uvec4 texel;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int i = pack.x + at.y * 2048 + at.x;
  int lines = p_numKvHeads * pack.y;
  int line = i / lines, place = i - line * lines;
  int quad = line / ROWS, row = line - quad * ROWS;
  int kvHead = place / pack.y;
  vec4 lanes = vec4(0.0);
  if (quad * 4 < p_headSize) {
    Group group = batch_group(place - kvHead * pack.y);
    Sequence sequence = batch_sequence(group.sequence);
    Row r = batch_row(sequence, kvHead, group.row + row);
    int first = sequence.index * p_qStrideBatch + r.token * p_qStrideToken + r.head * p_qStrideHead + quad * 4;
    lanes = tensor_quad(q, qView, first, r.valid ? p_headSize - quad * 4 : 0);
  }
  texel = floatBitsToUint(lanes);
}

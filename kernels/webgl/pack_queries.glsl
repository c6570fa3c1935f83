// Query lanes as quads: texel ((kvHead * groups + group) * quads + quad) * ROWS + row; zeros past the last lane or row.
#include "webgl/batch.glsl"

uniform sampler2D q;
uniform ivec2 qView;
// First texel of the layer, groups, quads of a row, -.
uniform ivec4 pack;

layout(location = 0) out highp uvec4 texel;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int i = pack.x + at.y * 2048 + at.x;
  int row = i % ROWS, line = i / ROWS;
  int quad = line % pack.z;
  line /= pack.z;
  int kvHead = line / pack.y;
  vec4 lanes = vec4(0.0);
  if (kvHead < p_numKvHeads) {
    Group group = batch_group(line - kvHead * pack.y);
    Sequence sequence = batch_sequence(group.sequence);
    Row r = batch_row(sequence, kvHead, group.row + row);
    int first = sequence.index * p_qStrideBatch + r.token * p_qStrideToken + r.head * p_qStrideHead + quad * 4;
    lanes = tensor_quad(q, qView, first, r.valid ? p_headSize - quad * 4 : 0);
  }
  texel = floatBitsToUint(lanes);
}

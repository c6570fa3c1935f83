// Query lanes as quads: a group is a column of a quad's rows, then the next quad's, so that neighbouring groups lie side by
// side; column kvHead * groups + group. Zeros past the last lane or row.
#include "webgl/batch.glsl"

uniform sampler2D q;
uniform ivec2 qView;
// Groups, texels of a column.
uniform ivec2 pack;

layout(location = 0) out highp uvec4 texel;

void main() {
  ivec2 column = column_of(ivec2(gl_FragCoord.xy), pack.y);
  int quad = column.y / ROWS, row = column.y - quad * ROWS;
  int kvHead = column.x / pack.x;
  if (kvHead >= p_numKvHeads) discard;
  vec4 lanes = vec4(0.0);
  if (quad * 4 < p_headSize) {
    Group group = batch_group(column.x - kvHead * pack.x);
    Sequence sequence = batch_sequence(group.sequence);
    Row r = batch_row(sequence, kvHead, group.row + row);
    int first = sequence.index * p_qStrideBatch + r.token * p_qStrideToken + r.head * p_qStrideHead + quad * 4;
    lanes = tensor_quad(q, qView, first, r.valid ? p_headSize - quad * 4 : 0);
  }
  texel = floatBitsToUint(lanes);
}

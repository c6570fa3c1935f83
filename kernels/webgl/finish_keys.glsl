// Writes gradients by keys or values where those lie; a key that no row sees has none.
#include "parts/kv.glsl"

uniform usampler2DArray sums;
// First texel of the tiles' sequences, texels of a column, width of the output's texture, its values.
uniform ivec4 pack;

layout(location = 0) out highp vec4 result;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int i = at.y * pack.z + at.x;
  if (i >= pack.w) discard;
  int row = i / LANES, lane = i - row * LANES;
#ifdef HEADS_FIRST
  int line = row / p_maxSeqLen, key = row - line * p_maxSeqLen;
  int index = line / p_numKvHeads, kvHead = line - index * p_numKvHeads;
#else
  int line = row / p_numKvHeads, kvHead = row - line * p_numKvHeads;
  int index = line / p_maxSeqLen, key = line - index * p_maxSeqLen;
#endif
  Sequence sequence = batch_sequence(index);
  int tile = sequence.firstTile + key / KEYS, place = key % KEYS, quad = lane / 4;
  float value = 0.0;
  if (tile >= 0 && tile < packedTiles && batch_int(pack.x, tile) == index) {
    ivec2 cell = column_place(kvHead * packedTiles + tile, pack.y) + ivec2(0, quad / QUADS * 2 + place / 4);
    value = uintBitsToFloat(texelFetch(sums, ivec3(cell, place % 4 * QUADS + quad % QUADS), 0))[lane % 4];
  }
  result = vec4(value, 0.0, 0.0, 0.0);
}

// Keys that the batch sees as float32 quads, such that neighbouring tiles lie side by side: texel
// ((quad * KEYS + place) * K + kvHead) * packedTiles + tile. With VALUES, rows of quads: texel
// (((kvHead * packedTiles) + tile) * KEYS + place) * LINE + quad. Zeros past the last lane and the last key.
#include "parts/kv.glsl"

#ifdef PAGED
uniform usampler2DArray rows;
#else
uniform sampler2D rows;
uniform ivec2 rowsView;
#endif
#ifdef TOKEN_SCALES
uniform usampler2DArray scales;
#endif
// First texel of the layer, first texel of the tiles' sequences.
uniform ivec4 pack;

layout(location = 0) out highp uvec4 texel;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int i = pack.x + at.y * 2048 + at.x;
#ifdef VALUES
  int line = i / LINE, quad = i - line * LINE;
  int tile = line / KEYS, place = line - tile * KEYS;
#else
  int tiles = p_numKvHeads * packedTiles;
  int line = i / tiles, tile = i - line * tiles;
  int quad = line / KEYS, place = line - quad * KEYS;
#endif
  int kvHead = tile / packedTiles;
  tile -= kvHead * packedTiles;
  vec4 lanes = vec4(0.0);
  if (kvHead < p_numKvHeads && quad < LINE) {
    Sequence sequence = batch_sequence(batch_int(pack.y, tile));
    int key = (tile - sequence.firstTile) * KEYS + place;
    if (key < sequence.keys) {
      int row = kv_row(sequence, key, kvHead);
#ifdef PAGED
      lanes = kv_decode(FETCH(rows, row * ROW_TEXELS + quad / KV_QUADS), quad % KV_QUADS);
#else
      lanes = tensor_quad(rows, rowsView, row * LANES + quad * 4, LANES - quad * 4);
#endif
#ifdef TOKEN_SCALES
      lanes *= uintBitsToFloat(FETCH(scales, row).x);
#endif
    }
  }
  texel = floatBitsToUint(lanes);
}

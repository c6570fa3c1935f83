// Keys that the batch sees as float32 quads: a tile is a column of a quad's places, then the next quad's, so that
// neighbouring tiles lie side by side. With VALUES, lines of quads (kv_values_place). Zeros past the last lane and key.
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
// First texel of the tiles' sequences, -.
uniform ivec2 pack;

layout(location = 0) out highp uvec4 texel;

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
#ifdef VALUES
  int deck = at.x / LINE, quad = at.x - deck * LINE;
  int high = at.y / KEYS, place = at.y - high * KEYS;
  int tile = deck * TILES_HIGH + high;
  if (high >= TILES_HIGH) discard;
#else
  ivec2 column = column_of(at, LINE * KEYS);
  int tile = column.x, quad = column.y / KEYS, place = column.y - quad * KEYS;
#endif
  int kvHead = tile / packedTiles;
  if (kvHead >= p_numKvHeads) discard;
  tile -= kvHead * packedTiles;
  vec4 lanes = vec4(0.0);
  Sequence sequence = batch_sequence(batch_int(pack.x, tile));
  int key = (tile - sequence.firstTile) * KEYS + place;
  if (key < sequence.keys && quad * 4 < LANES) {
    int row = kv_row(sequence, key, kvHead);
#ifdef PAGED
    lanes = kv_decode(FETCH(rows, row * ROW_TEXELS + quad / KV_QUADS), quad % KV_QUADS);
#else
    lanes = tensor_quad(rows, rowsView, row * LANES + quad * 4, LANES - quad * 4);
#endif
#ifdef TOKEN_SCALES
    uint stored = FETCH(scales, row).x;
#if KV_TYPE == KV_INT4_PER_TOKEN_HEAD
    lanes -= kv_zero(stored);
#endif
    lanes *= kv_scale(stored);
#endif
  }
  texel = floatBitsToUint(lanes);
}

// Gradients by keys or values: one fragment adds what the rows of a block of groups give to four keys of a tile and QUADS
// quads of lanes. Texel: the tile's column, two lines (lower and upper keys) a block of quads; layer key * QUADS + quad.
#include "parts/kv.glsl"
#include "webgl/ordinal.glsl"

#for r in ROWS
uniform usampler2D weights@r_0, weights@r_1;
#end
uniform usampler2D rows;
uniform usampler2DArray before;
// First group, groups, first tile of the weights, tiles of them.
uniform ivec4 tiles;
// First texel of the tiles' sequences, texels of a column, groups of the whole batch.
uniform ivec3 pack;

#for k in PLACES
#for c in QUADS
layout(location = @#) out highp uvec4 sum@k_@c;
#end
#end

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  ivec2 column = column_of(at, pack.y);
  int kvHead = column.x / packedTiles, tile = column.x - kvHead * packedTiles;
  if (kvHead >= p_numKvHeads) discard;
  bool isUpper = (column.y & 1) != 0;
  int quad0 = (column.y >> 1) * QUADS;
  Sequence sequence = batch_sequence(batch_int(pack.x, tile));
  int key0 = (tile - sequence.firstTile) * KEYS;
  int end = sequence.firstGroup + (sequence.length * QUERIES_PER_KV + ROWS - 1) / ROWS;
#for k in PLACES
#for c in QUADS
  vec4 d@k_@c = uintBitsToFloat(texelFetch(before, ivec3(at, @k * QUADS + @c), 0));
#end
#end
  for (int index = max(tiles.x, sequence.firstGroup); index < min(tiles.x + tiles.y, end); index++) {
    int x = batch_ordinal(batch_group(index), key0);
    x = x < 0 ? -1 : x / KEYS - tiles.z;
    if (x < 0 || x >= tiles.w) continue;
    ivec2 weightAt = ivec2(x, kvHead * tiles.y + index - tiles.x);
    ivec2 rowAt = column_place(kvHead * pack.z + index, LINE_OF_ROWS * ROWS) + ivec2(0, quad0 * ROWS);
#for r in ROWS
    {
      vec4 weight = uintBitsToFloat(isUpper ? texelFetch(weights@r_1, weightAt, 0) : texelFetch(weights@r_0, weightAt, 0));
#for c in QUADS
      vec4 lanes@c = uintBitsToFloat(texelFetch(rows, rowAt + ivec2(0, @c * ROWS + @r), 0));
#for k in PLACES
      d@k_@c += weight.@k:lane * lanes@c;
#end
#end
    }
#end
  }
#for k in PLACES
#for c in QUADS
  sum@k_@c = floatBitsToUint(d@k_@c);
#end
#end
}

// Gradients by queries: one fragment multiplies the gradients of ROWS rows with QUADS quads of key lanes, over the tiles of
// one split. Texel (split * BLOCKS + column, group), layer row * QUADS + quad.
#include "parts/kv.glsl"

#for r in ROWS
uniform usampler2D gradients@r_0, gradients@r_1;
#end
uniform usampler2D keys;
// First group, groups, first tile of the gradients, tiles a split.
uniform ivec4 tiles;

#for r in ROWS
#for c in QUADS
layout(location = @#) out highp uvec4 state@r_@c;
#end
#end

// A key that is not finite shows in the gradients of rows that see it; the others' must not meet it.
vec4 finite(uvec4 bits) {
  return mix(uintBitsToFloat(bits), vec4(0.0), equal(bits & 0x7f800000u, uvec4(0x7f800000u)));
}

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int split = at.x / BLOCKS, column = at.x - split * BLOCKS;
  int kvHead = at.y / tiles.y;
  Group group = batch_group(tiles.x + at.y - kvHead * tiles.y);
  Sequence sequence = batch_sequence(group.sequence);
  int begin = split * tiles.w, end = min(begin + tiles.w, (batch_keys(group) + KEYS - 1) / KEYS);
#for r in ROWS
#for c in QUADS
  vec4 sum@r_@c = vec4(0.0);
#end
#end
  for (int tile = begin; tile < end; tile++) {
#for r in ROWS
    vec4 d@r_0 = uintBitsToFloat(texelFetch(gradients@r_0, ivec2(tile - tiles.z, at.y), 0));
    vec4 d@r_1 = uintBitsToFloat(texelFetch(gradients@r_1, ivec2(tile - tiles.z, at.y), 0));
#end
    ivec2 place = kv_values_place(kv_tile(sequence, batch_key(group, tile * KEYS), kvHead)) + ivec2(column * QUADS, 0);
#for k in KEYS
    {
#for c in QUADS
      vec4 lanes@c = finite(texelFetch(keys, place + ivec2(@c, @k), 0));
#for r in ROWS
      sum@r_@c += d@r_@k:quad.@k:lane * lanes@c;
#end
#end
    }
#end
  }
#for r in ROWS
#for c in QUADS
  state@r_@c = floatBitsToUint(sum@r_@c);
#end
#end
}

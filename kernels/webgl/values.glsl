// Second half: one fragment multiplies the weights of ROWS rows with QUADS quads of value lanes, over the tiles of one
// split. Column VALUE_BLOCKS of a split keeps (m, l) instead. Texel (split * (VALUE_BLOCKS + 1) + column, group).
#include "parts/kv.glsl"
#include "parts/softmax.glsl"

uniform usampler2DArray weights;
uniform usampler2DArray values;
#ifdef TOKEN_SCALES
uniform usampler2DArray valueScales;
#endif
// First group, groups, first tile of the weights, tiles a split.
uniform ivec4 tiles;

#for r in ROWS
#for c in QUADS
layout(location = @#) out highp uvec4 state@r_@c;
#end
#end

vec4 weights_of(int tile, int row, int quad, int group) {
  return uintBitsToFloat(texelFetch(weights, ivec3(tile - tiles.z, group, row * 2 + quad), 0));
}

bool is_finite(vec4 x) { return all(lessThan(floatBitsToUint(x) & 0x7f800000u, uvec4(0x7f800000u))); }

// The place of a key, and quads of lanes there.
#ifdef TILED
#define VALUE_ROWS(key, last) int packed = kv_tile(sequence, key, kvHead) * KEYS - (key);
#define VALUE_ROW(key) (packed + (key))
#else
#define VALUE_ROWS(key, last) Span span = kv_span(sequence, key, last);
#define VALUE_ROW(key) kv_row_of(span, sequence, key, kvHead)
#endif
#define VALUE(row, quad) kv_decode(FETCH(values, (row) * VALUE_TEXELS + (quad) / KV_QUADS), (quad) % KV_QUADS)
#ifdef TOKEN_SCALES
#define VALUE_SCALE(row) uintBitsToFloat(FETCH(valueScales, row).x)
#else
#define VALUE_SCALE(row) 1.0
#endif

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int split = at.x / (VALUE_BLOCKS + 1), column = at.x - split * (VALUE_BLOCKS + 1);
  int kvHead = at.y / tiles.y;
  Group group = batch_group(tiles.x + at.y - kvHead * tiles.y);
  Sequence sequence = batch_sequence(group.sequence);
  int count = batch_keys(group);
  int begin = split * tiles.w, end = min(begin + tiles.w, (count + KEYS - 1) / KEYS);
  bool counts = column == VALUE_BLOCKS;
  // A last block may reach past the lanes: its surplus repeats the last quad.
#for c in QUADS
  int lanes@c = min(column * QUADS + @c, VALUE_TEXELS * KV_QUADS - 1);
#end
#for r in ROWS
  float m@r = SOFTMAX_NONE, l@r = 0.0;
#for c in QUADS
  vec4 o@r_@c = vec4(0.0);
#end
#end

  for (int tile = begin; tile < end; tile++) {
#for r in ROWS
    vec4 weights@r_0 = weights_of(tile, @r, 0, at.y), weights@r_1 = weights_of(tile, @r, 1, at.y);
    float top@r = weights@r_1.w;
    weights@r_1.w = 0.0;
    if (top@r > m@r) {
      float fade = softmax_rescale(m@r, top@r);
      l@r *= fade;
#for c in QUADS
      o@r_@c *= fade;
#end
      m@r = top@r;
    } else if (top@r < m@r) {
      float fade = softmax_rescale(top@r, m@r);
      weights@r_0 *= fade;
      weights@r_1 *= fade;
    }
#end
    if (counts) {
#for r in ROWS
      l@r += dot(weights@r_0 + weights@r_1, vec4(1.0));
#end
      continue;
    }
    int key0 = batch_key(group, tile * KEYS), last = key0 + min(KEYS, count - tile * KEYS) - 1;
    VALUE_ROWS(key0, last)
#for k in KEYS
    {
      int row = VALUE_ROW(min(key0 + @k, last));
      float scale = VALUE_SCALE(row);
#for c in QUADS
      vec4 value@c = VALUE(row, lanes@c);
#end
#for r in ROWS
#for c in QUADS
      o@r_@c += weights@r_@k:quad.@k:lane * scale * value@c;
#end
#end
    }
#end
  }

  // Something was NaN or infinite. If it is a value that a row does not see, it must not have met a multiplication.
  bool redo = false;
#for r in ROWS
#for c in QUADS
  redo = redo || !is_finite(o@r_@c);
#end
#end
  for (int once = redo ? 0 : 1; once < 1; once++) {
#for r in ROWS
#for c in QUADS
    o@r_@c = vec4(0.0);
#end
#end
    for (int ordinal = begin * KEYS; ordinal < min(end * KEYS, count); ordinal++) {
      int tile = ordinal / KEYS, place = ordinal - tile * KEYS;
      int key = batch_key(group, ordinal);
      VALUE_ROWS(key - place, key)
      int row = VALUE_ROW(key);
      float scale = VALUE_SCALE(row);
#for c in QUADS
      vec4 value@c = VALUE(row, lanes@c);
#end
#for r in ROWS
      {
        float top = weights_of(tile, @r, 1, at.y).w;
        float weight = weights_of(tile, @r, place / 4, at.y)[place % 4] * softmax_rescale(top, m@r);
        if (weight != 0.0) {
#for c in QUADS
          o@r_@c += weight * scale * value@c;
#end
        }
      }
#end
    }
  }

#for r in ROWS
#for c in QUADS
  state@r_@c = floatBitsToUint(counts ? vec4(m@r, l@r, 0.0, 0.0) : o@r_@c);
#end
#end
}

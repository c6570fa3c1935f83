// Second half: one fragment multiplies the weights of ROWS rows with QUADS quads of value lanes, over the tiles of one
// split. Column VALUE_BLOCKS of a split keeps (m, l) instead. Texel (split * (VALUE_BLOCKS + 1) + column, group).
#include "parts/kv.glsl"
#include "parts/softmax.glsl"
#include "parts/dropout.glsl"

#for r in ROWS
uniform usampler2D weights@r_0, weights@r_1;
#end
#ifdef TILED
uniform usampler2D values;
#else
uniform usampler2DArray values;
#endif
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

vec4 weights_of(highp usampler2D sheet, int tile, int group) {
  return uintBitsToFloat(texelFetch(sheet, ivec2(tile - tiles.z, group), 0));
}

bool is_finite(vec4 x) { return all(lessThan(floatBitsToUint(x) & 0x7f800000u, uvec4(0x7f800000u))); }

// What is read of neighbouring keys: FIND once for `key` and those behind it, then quads of lanes of each.
#ifdef TILED
#define FIND(key, last) ivec2 place = kv_values_place(kv_tile(sequence, key, kvHead)) + ivec2(column * QUADS, 0);
#define ROW(key, k)
#define VALUE(c, k) uintBitsToFloat(texelFetch(values, place + ivec2(c, k), 0))
#else
#define FIND(key, last) Span span = kv_span(sequence, key, last);
#define ROW(key, k) int row = kv_row_of(span, sequence, key, kvHead);
// A last block may reach past the lanes: its surplus repeats the last quad.
#define LANES_OF(c) min(column * QUADS + (c), VALUE_TEXELS * KV_QUADS - 1)
#define STORED(c, k) kv_decode(FETCH(values, row * VALUE_STRIDE + LANES_OF(c) / KV_QUADS), LANES_OF(c) % KV_QUADS)
#if KV_TYPE == KV_INT4_PER_TOKEN_HEAD
#define VALUE(c, k) (STORED(c, k) - kv_zero(stored))
#else
#define VALUE(c, k) STORED(c, k)
#endif
#endif
#ifdef TOKEN_SCALES
#define SCALE(name) uint stored = FETCH(valueScales, row).x; float name = kv_scale(stored);
#else
#define SCALE(name) float name = 1.0;
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
#for r in ROWS
  float m@r = SOFTMAX_NONE, l@r = 0.0;
#for c in QUADS
  vec4 o@r_@c = vec4(0.0);
#end
#end

#ifdef FEATURE_DROPOUT
#for r in ROWS
  uint dropped@r = dropout_row(sequence, batch_row(sequence, kvHead, group.row + @r));
#end
#endif

  for (int tile = begin; tile < end; tile++) {
#for r in ROWS
    vec4 w@r_0 = weights_of(weights@r_0, tile, at.y), w@r_1 = weights_of(weights@r_1, tile, at.y);
    float top@r = w@r_1.w;
    w@r_1.w = 0.0;
#end
    // Seldom: m is a multiple of SOFTMAX_STEP.
    bool moves = false;
#for r in ROWS
    moves = moves || top@r != m@r;
#end
    if (moves) {
#for r in ROWS
      {
        float m = max(m@r, top@r), fade = softmax_rescale(m@r, m), rise = softmax_rescale(top@r, m);
        l@r *= fade;
#for c in QUADS
        o@r_@c *= fade;
#end
        w@r_0 *= rise;
        w@r_1 *= rise;
        m@r = m;
      }
#end
    }
    if (counts) {
#for r in ROWS
      l@r += dot(w@r_0 + w@r_1, vec4(1.0));
#end
      continue;
    }
    int key0 = batch_key(group, tile * KEYS), last = key0 + min(KEYS, count - tile * KEYS) - 1;
    FIND(key0, last)
#ifdef FEATURE_DROPOUT
#for k in KEYS
#for r in ROWS
    w@r_@k:quad.@k:lane *= dropout_factor(dropped@r, key0 + @k);
#end
#end
#endif
#for k in KEYS
    {
      ROW(min(key0 + @k, last), @k)
      SCALE(scale)
#for c in QUADS
      vec4 value@c = VALUE(@c, @k);
#end
#for r in ROWS
#for c in QUADS
      o@r_@c += w@r_@k:quad.@k:lane * scale * value@c;
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
      int tile = ordinal / KEYS, k = ordinal - tile * KEYS;
      int key = batch_key(group, ordinal);
      FIND(key - k, key)
      ROW(key, k)
      SCALE(scale)
#for c in QUADS
      vec4 value@c = VALUE(@c, k);
#end
#for r in ROWS
      {
        vec4 low = weights_of(weights@r_0, tile, at.y), high = weights_of(weights@r_1, tile, at.y);
        float weight = (k < 4 ? low : high)[k % 4] * softmax_rescale(high.w, m@r);
#ifdef FEATURE_DROPOUT
        weight *= dropout_factor(dropped@r, key);
#endif
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

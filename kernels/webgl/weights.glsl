// First half of a tile: one fragment scores ROWS query rows against KEYS keys and writes exp(s - the tile's maximum),
// the maximum in the last place. Texel (tile, group), two layers a row.
#include "parts/kv.glsl"
#include "parts/score.glsl"
#include "parts/mask.glsl"

uniform usampler2DArray queries;
uniform usampler2DArray keys;
#ifdef HEAD_SCALES
uniform usampler2DArray headScales;
#endif
#ifdef TOKEN_SCALES
uniform usampler2DArray keyScales;
#endif
// First group, groups, first tile, groups of the whole batch.
uniform ivec4 tiles;

#for r in ROWS
layout(location = @#) out highp uvec4 weights@r_0;
layout(location = @#) out highp uvec4 weights@r_1;
#end

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int kvHead = at.y / tiles.y;
  int index = tiles.x + at.y - kvHead * tiles.y;
  Group group = batch_group(index);
  int count = batch_keys(group), first = (tiles.z + at.x) * KEYS;
  if (first >= count) discard;
  Sequence sequence = batch_sequence(group.sequence);

#for k in KEYS
  int row@k = kv_row(sequence, batch_key(group, min(first + @k, count - 1)), kvHead) * KEY_TEXELS;
#end
#for r in ROWS
#for k in KEYS
  float score@r_@k = 0.0;
#end
#end
  int query = (kvHead * tiles.w + index) * KEY_TEXELS * KV_QUADS * ROWS;
  for (int t = 0; t < KEY_TEXELS; t++) {
#for k in KEYS
    uvec4 texel@k = FETCH(keys, row@k + t);
#end
    for (int quad = 0; quad < KV_QUADS; quad++) {
#for r in ROWS
      vec4 query@r = uintBitsToFloat(FETCH(queries, query + @r));
#end
      query += ROWS;
#for k in KEYS
      vec4 key@k = kv_decode(texel@k, quad);
#for r in ROWS
      score@r_@k += dot(query@r, key@k);
#end
#end
    }
  }

  // The hooks come after the loop that counts, so here short code goes before registers.
  float scores[ROWS * KEYS];
#for r in ROWS
#for k in KEYS
  scores[@r * KEYS + @k] = score@r_@k;
#end
#end
  float tops[ROWS];
  for (int r = 0; r < ROWS; r++) {
    Row row = batch_row(sequence, kvHead, group.row + r);
    float top = SOFTMAX_NONE;
    for (int k = 0; k < KEYS; k++) {
      int key = batch_key(group, min(first + k, count - 1));
      float s = scores[r * KEYS + k] * p_softmaxScale;
#ifdef HEAD_SCALES
      s *= uintBitsToFloat(FETCH(headScales, kvHead).x);
#endif
#ifdef TOKEN_SCALES
      s *= uintBitsToFloat(FETCH(keyScales, kv_row(sequence, key, kvHead)).x);
#endif
      s = score_apply(sequence, row, key, s);
      s = first + k < count && mask_visible(sequence, row, key) ? s : SOFTMAX_NONE;
      top = s > top ? s : top;
      scores[r * KEYS + k] = s;
    }
    float shift = softmax_shift(top);
    for (int k = 0; k < KEYS; k++) {
      float s = scores[r * KEYS + k];
      scores[r * KEYS + k] = s == SOFTMAX_NONE ? 0.0 : softmax_exp(s - shift);
    }
    tops[r] = top;
  }
#for r in ROWS
  vec4 low@r = vec4(scores[@r * KEYS], scores[@r * KEYS + 1], scores[@r * KEYS + 2], scores[@r * KEYS + 3]);
  vec4 high@r = vec4(scores[@r * KEYS + 4], scores[@r * KEYS + 5], scores[@r * KEYS + 6], tops[@r]);
  weights@r_0 = floatBitsToUint(low@r);
  weights@r_1 = floatBitsToUint(high@r);
#end
}

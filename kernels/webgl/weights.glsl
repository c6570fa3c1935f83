// First half of a tile: one fragment scores ROWS query rows against KEYS keys and writes exp(s - the tile's step), the step
// in the last place. Texel (tile, group), two sheets a row.
#include "parts/kv.glsl"
#include "parts/score.glsl"
#include "parts/mask.glsl"

uniform usampler2D queries;
#ifdef TILED
uniform usampler2D keys;
#else
uniform usampler2DArray keys;
#endif
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
  int key0 = batch_key(group, first), last = min(KEYS, count - first) - 1;
  Span span = kv_span(sequence, key0, key0 + last);

#ifdef TILED
  ivec2 keyAt = column_place(kv_tile(sequence, key0, kvHead), LINE * KEYS);
#define NEXT_KEYS keyAt.y += KEYS
#else
#for k in KEYS
  int row@k = kv_row_of(span, sequence, key0 + min(@k, last), kvHead) * KEY_TEXELS;
#end
#define NEXT_KEYS
#if KV_TYPE == KV_INT4_PER_TOKEN_HEAD
#for k in KEYS
  float zero@k = kv_zero(FETCH(keyScales, row@k / KEY_TEXELS).x);
#end
#endif
#endif
#for r in ROWS
#for k in KEYS
  float score@r_@k = 0.0;
#end
#end
  ivec2 queryAt = column_place(kvHead * tiles.w + index, KEY_TEXELS * KV_QUADS * ROWS);
  for (int t = 0; t < KEY_TEXELS; t++) {
#for k in KEYS
#ifdef TILED
    uvec4 texel@k = texelFetch(keys, keyAt + ivec2(0, @k), 0);
#else
    uvec4 texel@k = FETCH(keys, row@k + t);
#endif
#end
    NEXT_KEYS;
    for (int quad = 0; quad < KV_QUADS; quad++) {
#for r in ROWS
      vec4 query@r = uintBitsToFloat(texelFetch(queries, queryAt + ivec2(0, @r), 0));
#end
      queryAt.y += ROWS;
#for k in KEYS
      vec4 lanes@k = kv_decode(texel@k, quad);
#if KV_TYPE == KV_INT4_PER_TOKEN_HEAD
      lanes@k -= zero@k;
#endif
#for r in ROWS
      score@r_@k += dot(query@r, lanes@k);
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
      int key = key0 + min(k, last);
      float s = scores[r * KEYS + k] * p_softmaxScale;
#ifdef HEAD_SCALES
      s *= uintBitsToFloat(FETCH(headScales, kvHead).x);
#endif
#ifdef TOKEN_SCALES
      s *= kv_scale(FETCH(keyScales, kv_row_of(span, sequence, key, kvHead)).x);
#endif
      s = score_apply(sequence, row, key, s);
      s = k <= last && mask_visible(sequence, row, key) ? s : SOFTMAX_NONE;
      top = s > top ? s : top;
      scores[r * KEYS + k] = s;
    }
    top = softmax_step(top);
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

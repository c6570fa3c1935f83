// A tile of the backward pass: one fragment makes the weights of ROWS query rows and KEYS keys again and writes, for each
// row in two sheets each, the weights as values met them and the gradients by products (BY_SCORES: by scores).
#include "parts/kv.glsl"
#include "parts/score_slope.glsl"
#include "parts/mask.glsl"
#include "parts/dropout.glsl"

// 0: queries and keys, 1: output gradients and values.
#for p in PRODUCTS
uniform usampler2D rows@p, keys@p;
#end
uniform usampler2D facts;
// First group, groups, first tile, groups of the whole batch.
uniform ivec4 tiles;

#for r in ROWS
layout(location = @#) out highp uvec4 weights@r_0;
layout(location = @#) out highp uvec4 weights@r_1;
layout(location = @#) out highp uvec4 gradients@r_0;
layout(location = @#) out highp uvec4 gradients@r_1;
#end

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int kvHead = at.y / tiles.y;
  int index = tiles.x + at.y - kvHead * tiles.y, column = kvHead * tiles.w + index;
  Group group = batch_group(index);
  int count = batch_keys(group), first = (tiles.z + at.x) * KEYS;
  if (first >= count) discard;
  Sequence sequence = batch_sequence(group.sequence);
  int key0 = batch_key(group, first), last = min(KEYS, count - first) - 1;
  int tile = kv_tile(sequence, key0, kvHead);

#for p in PRODUCTS
#for r in ROWS
#for k in KEYS
  float sum@p_@r_@k = 0.0;
#end
#end
  {
    ivec2 rowAt = column_place(column, LINE@p * ROWS), keyAt = column_place(tile, LINE@p * KEYS);
    for (int quad = 0; quad < LINE@p; quad++) {
#for r in ROWS
      vec4 row@r = uintBitsToFloat(texelFetch(rows@p, rowAt + ivec2(0, @r), 0));
#end
#for k in KEYS
      vec4 lanes@k = uintBitsToFloat(texelFetch(keys@p, keyAt + ivec2(0, @k), 0));
#for r in ROWS
      sum@p_@r_@k += dot(row@r, lanes@k);
#end
#end
      rowAt.y += ROWS;
      keyAt.y += KEYS;
    }
  }
#end

  float weights[ROWS * KEYS], gradients[ROWS * KEYS];
#for r in ROWS
#for k in KEYS
  weights[@r * KEYS + @k] = sum0_@r_@k;
  gradients[@r * KEYS + @k] = sum1_@r_@k;
#end
#end
  ivec2 factsAt = column_place(column, ROWS);
  for (int r = 0; r < ROWS; r++) {
    Row row = batch_row(sequence, kvHead, group.row + r);
    uvec4 fact = texelFetch(facts, factsAt + ivec2(0, r), 0);
    float shift = uintBitsToFloat(fact.x), share = uintBitsToFloat(fact.y), mean = uintBitsToFloat(fact.z);
    for (int k = 0; k < KEYS; k++) {
      int i = r * KEYS + k, key = key0 + min(k, last);
      float product = weights[i] * p_softmaxScale;
      float s = score_apply(sequence, row, key, product);
      bool seen = k <= last && mask_visible(sequence, row, key) && s != SOFTMAX_NONE;
      float weight = seen ? softmax_exp(s - shift) : 0.0, kept = share;
#ifdef FEATURE_DROPOUT
      kept *= dropout_factor(fact.w, key);
#endif
      // Where the weight is 0 the value may be anything.
      float gradient = weight == 0.0 ? 0.0 : weight * (gradients[i] * kept - mean);
#ifndef BY_SCORES
      gradient *= weight == 0.0 ? 1.0 : score_slope(product);
#endif
      weights[i] = weight * kept;
      gradients[i] = gradient;
    }
  }
#for r in ROWS
  weights@r_0 = floatBitsToUint(vec4(weights[@r * KEYS], weights[@r * KEYS + 1], weights[@r * KEYS + 2], weights[@r * KEYS + 3]));
  weights@r_1 = floatBitsToUint(vec4(weights[@r * KEYS + 4], weights[@r * KEYS + 5], weights[@r * KEYS + 6], 0.0));
  gradients@r_0 = floatBitsToUint(vec4(gradients[@r * KEYS], gradients[@r * KEYS + 1], gradients[@r * KEYS + 2], gradients[@r * KEYS + 3]));
  gradients@r_1 = floatBitsToUint(vec4(gradients[@r * KEYS + 4], gradients[@r * KEYS + 5], gradients[@r * KEYS + 6], 0.0));
#end
}

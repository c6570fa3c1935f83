#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
precision highp usampler2DArray;
precision highp isampler2DArray;
#define ROWS 1
#define KEYS 7
#define QUERIES_PER_KV 1
#define QUADS 2
#define BLOCKS 8
#define PLACES 4
#define PRODUCTS 2
#define LINE 16
#define LINE0 16
#define LINE1 16
#define VALUE_LANES 64
#define HEAD_LANES 64
#define LANES 64
#define KV_FLOAT32 0
#define KV_FLOAT16 1
#define KV_BFLOAT16 2
#define KV_FP8_E4M3 3
#define KV_FP8_E5M2 4
#define KV_INT8 5
#define KV_INT8_PER_TOKEN_HEAD 6
#define KV_FP8_PER_TOKEN_HEAD 7
#define KV_INT4_PER_TOKEN_HEAD 8
#define KV_TYPE 0
#define KV_QUADS 1
uniform float paramFloats[4];
uniform int paramInts[39];
#define p_softmaxScale paramFloats[0]
#define p_logitsSoftCap paramFloats[1]
#define p_kScale paramFloats[2]
#define p_vScale paramFloats[3]
#define p_flags paramInts[0]
#define p_kvDtype paramInts[1]
#define p_windowLeft paramInts[2]
#define p_windowRight paramInts[3]
#define p_chunkSize paramInts[4]
#define p_chunkLookback paramInts[5]
#define p_numSeqs paramInts[6]
#define p_numHeads paramInts[7]
#define p_numKvHeads paramInts[8]
#define p_headSize paramInts[9]
#define p_valueHeadSize paramInts[10]
#define p_maxQueryLen paramInts[11]
#define p_maxSeqLen paramInts[12]
#define p_blockSize paramInts[13]
#define p_maxBlocksPerSeq paramInts[14]
#define p_qqBiasSize paramInts[15]
#define p_qStrideBatch paramInts[16]
#define p_qStrideToken paramInts[17]
#define p_qStrideHead paramInts[18]
#define p_kStrideBatch paramInts[19]
#define p_kStrideToken paramInts[20]
#define p_kStrideHead paramInts[21]
#define p_vStrideBatch paramInts[22]
#define p_vStrideToken paramInts[23]
#define p_vStrideHead paramInts[24]
#define p_outStrideBatch paramInts[25]
#define p_outStrideToken paramInts[26]
#define p_outStrideHead paramInts[27]
#define p_lseStrideBatch paramInts[28]
#define p_lseStrideToken paramInts[29]
#define p_lseStrideHead paramInts[30]
#define p_biasStrideBatch paramInts[31]
#define p_biasStrideHead paramInts[32]
#define p_biasStrideToken paramInts[33]
#define p_biasStrideKey paramInts[34]
#define p_maskStrideBatch paramInts[35]
#define p_maskStrideHead paramInts[36]
#define p_maskStrideToken paramInts[37]
#define p_maskStrideKey paramInts[38]
ivec3 texel_place(int i) { return ivec3(i & 2047, (i >> 11) & 2047, i >> 22); }
ivec2 column_place(int i, int height) { return ivec2(i & 4095, (i >> 12) * height); }
ivec2 column_of(ivec2 texel, int height) {
  int deck = texel.y / height;
  return ivec2(deck << 12 | texel.x, texel.y - deck * height);
}
#define FETCH(array, i) texelFetch(array, texel_place(i), 0)
float tensor_value(highp sampler2D tensor, ivec2 view, int i) {
  i += view.y;
  return texelFetch(tensor, ivec2(i % view.x, i / view.x), 0).r;
}
vec4 tensor_quad(highp sampler2D tensor, ivec2 view, int i, int count) {
  i += view.y;
  int y = i / view.x, x = i - y * view.x;
  vec4 quad = vec4(0.0);
  for (int lane = 0; lane < min(count, 4); lane++) {
    quad[lane] = texelFetch(tensor, ivec2(x, y), 0).r;
    if (++x == view.x) {
      x = 0;
      y++;
    }
  }
  return quad;
}
uniform isampler2DArray ints;
uniform ivec4 intsAt;
struct Sequence {
  int index;
  int start, length, keys, offset;
  int firstGroup;
  bool causal;
  int prefix;
  int firstTile;
  int rangesBegin, rangesEnd;
};
Sequence batch_sequence(int index) {
  ivec4 a = FETCH(ints, index * 3), b = FETCH(ints, index * 3 + 1), c = FETCH(ints, index * 3 + 2);
  return Sequence(index, a.x, a.y, a.z, a.w, b.x, b.y != 0, b.z, b.w, c.x, c.y);
}
struct Group {
  int sequence, row;
  int first, gap, resume, end;
};
Group batch_group(int index) {
  ivec4 a = FETCH(ints, intsAt.x + index * 2), b = FETCH(ints, intsAt.x + index * 2 + 1);
  return Group(a.x, a.y, a.z, a.w, b.x, b.y);
}
int batch_keys(Group group) { return group.gap - group.first + group.end - group.resume; }
int batch_key(Group group, int ordinal) {
  int key = group.first + ordinal;
  return key < group.gap ? key : key - group.gap + group.resume;
}
int batch_int(int first, int i) { return FETCH(ints, first + (i >> 2))[i & 3]; }
int batch_block(Sequence sequence, int block) {
  return batch_int(intsAt.y, sequence.index * p_maxBlocksPerSeq + block);
}
struct Row {
  bool valid;
  int head, token, query, position;
  int rangeFirst, rangeLast;
};
Row batch_row(Sequence sequence, int kvHead, int row) {
  int query = row / QUERIES_PER_KV;
  Row r;
  r.valid = query < sequence.length;
  r.head = kvHead * QUERIES_PER_KV + row - query * QUERIES_PER_KV;
  r.token = sequence.start + query;
  r.query = query;
  r.position = sequence.offset + query;
  r.rangeFirst = 0;
  r.rangeLast = -1;
#ifdef FEATURE_MM_PREFIX
  for (int i = sequence.rangesBegin; i < sequence.rangesEnd; i++) {
    int low = batch_int(intsAt.w, 2 * i), high = batch_int(intsAt.w, 2 * i + 1);
    if (low <= r.position && r.position <= high) {
      r.rangeFirst = low;
      r.rangeLast = high;
    }
  }
#endif
  return r;
}
uvec4 kv_bytes(uint word) { return (uvec4(word) >> uvec4(0u, 8u, 16u, 24u)) & 0xffu; }
vec4 kv_e4m3(uvec4 code) {
  uvec4 magnitude = code & 0x7fu;
  vec4 normal = uintBitsToFloat((magnitude << 20) + (120u << 23));
  vec4 value = mix(normal, vec4(magnitude) * 0.001953125, lessThan(magnitude, uvec4(8u)));
  value = mix(value, uintBitsToFloat(uvec4(0x7fc00000u)), equal(magnitude, uvec4(0x7fu)));
  return uintBitsToFloat(floatBitsToUint(value) | ((code & 0x80u) << 24));
}
#if KV_TYPE == KV_INT4_PER_TOKEN_HEAD
float kv_scale(uint stored) { return uintBitsToFloat(stored & 0xfffffff0u); }
float kv_zero(uint stored) { return float(stored & 15u); }
#else
float kv_scale(uint stored) { return uintBitsToFloat(stored); }
#endif
vec4 kv_decode(uvec4 texel, int quad) {
#if KV_TYPE == KV_FLOAT32
  return uintBitsToFloat(texel);
#elif KV_TYPE == KV_FLOAT16
  uvec2 pair = quad == 0 ? texel.xy : texel.zw;
  return vec4(unpackHalf2x16(pair.x), unpackHalf2x16(pair.y));
#elif KV_TYPE == KV_BFLOAT16
  uvec2 pair = quad == 0 ? texel.xy : texel.zw;
  return uintBitsToFloat(uvec4(pair.x << 16, pair.x & 0xffff0000u, pair.y << 16, pair.y & 0xffff0000u));
#elif KV_TYPE == KV_INT8 || KV_TYPE == KV_INT8_PER_TOKEN_HEAD
  ivec4 word = ivec4(int(texel[quad]));
  return vec4((word << ivec4(24, 16, 8, 0)) >> 24);
#elif KV_TYPE == KV_INT4_PER_TOKEN_HEAD
  uint word = texel[quad / 2] >> (quad % 2 * 16);
  return vec4((uvec4(word) >> uvec4(0u, 4u, 8u, 12u)) & 15u);
#elif KV_TYPE == KV_FP8_E5M2
  uint word = texel[quad];
  vec2 even = unpackHalf2x16((word & 0x00ff00ffu) << 8);
  vec2 odd = unpackHalf2x16(word & 0xff00ff00u);
  return vec4(even.x, odd.x, even.y, odd.y);
#else
  return kv_e4m3(kv_bytes(texel[quad]));
#endif
}
int kv_row(Sequence sequence, int key, int kvHead) {
#ifdef PAGED
  int block = key / BLOCK_SIZE;
  int slot = batch_block(sequence, block) * BLOCK_SIZE + key - block * BLOCK_SIZE;
  return slot * p_numKvHeads + kvHead;
#elif defined(HEADS_FIRST)
  return (sequence.index * p_numKvHeads + kvHead) * p_maxSeqLen + key;
#else
  return (sequence.index * p_maxSeqLen + key) * p_numKvHeads + kvHead;
#endif
}
#if defined(PAGED) && BLOCK_SIZE >= KEYS
struct Span {
  int near, far, border;
};
Span kv_span(Sequence sequence, int first, int last) {
  int near = first / BLOCK_SIZE, far = last / BLOCK_SIZE;
  return Span(batch_block(sequence, near) - near, batch_block(sequence, far) - far, far * BLOCK_SIZE);
}
int kv_row_of(Span span, Sequence sequence, int key, int kvHead) {
  return ((key < span.border ? span.near : span.far) * BLOCK_SIZE + key) * p_numKvHeads + kvHead;
}
#else
struct Span { int first; };
Span kv_span(Sequence sequence, int first, int last) { return Span(first); }
int kv_row_of(Span span, Sequence sequence, int key, int kvHead) { return kv_row(sequence, key, kvHead); }
#endif
#ifdef LINE
uniform int packedTiles;
int kv_tile(Sequence sequence, int key, int kvHead) { return kvHead * packedTiles + sequence.firstTile + key / KEYS; }
#define TILES_HIGH (4096 / KEYS)
ivec2 kv_values_place(int tile) {
  int deck = tile / TILES_HIGH;
  return ivec2(deck * LINE, (tile - deck * TILES_HIGH) * KEYS);
}
#endif
#define SOFTMAX_NONE uintBitsToFloat(0xff800000u)
#define SOFTMAX_STEP 8.0
bool softmax_is_nan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }
float softmax_exp(float x) {
  float low = max(x, -88.02969193);
  float n = floor(low * 1.44269504 + 0.5);
  float r = low - n * 0.693359375;
  r += n * 2.1219444170128554e-4;
  float y = 1.381459878757596e-3 * r + 8.368716575205326e-3;
  y = y * r + 4.166838899254799e-2;
  y = y * r + 1.666652113199234e-1;
  y = y * r + 4.999999403953552e-1;
  y = y * r + 1.0;
  y = y * r + 1.0;
  y *= uintBitsToFloat(uint(int(n) + 127) << 23);
  return softmax_is_nan(x) ? x : y;
}
float softmax_log(float x) {
  int bits = floatBitsToInt(x);
  int e = (bits - 0x3f3504f3) >> 23;
  float f = intBitsToFloat(bits - (e << 23)) - 1.0;
  float y = -7.8596182167530060e-2 * f + 1.2881650030612946e-1;
  y = y * f - 1.3128753006458282e-1;
  y = y * f + 1.4181192219257355e-1;
  y = y * f - 1.6624553501605988e-1;
  y = y * f + 2.0002286136150360e-1;
  y = y * f - 2.5000810623168945e-1;
  y = y * f + 3.3333316445350647e-1;
  y = (y * f - 0.5) * (f * f) + f;
  y += float(e) * 0.693147180559945;
  return (bits & 0x7f800000) == 0x7f800000 ? x : y;
}
float softmax_shift(float m) { return m == SOFTMAX_NONE ? 0.0 : m; }
float softmax_step(float top) {
  return top == SOFTMAX_NONE ? top : floor(top * (1.0 / SOFTMAX_STEP) + 0.5) * SOFTMAX_STEP;
}
float softmax_rescale(float m, float top) { return m == SOFTMAX_NONE ? 0.0 : softmax_exp(m - softmax_shift(top)); }
vec2 softmax_finish(float m, float l, float sink) {
  float top = softmax_shift(max(m, sink));
  float scale = softmax_rescale(m, top);
  float sum = l * scale + softmax_rescale(sink, top);
  bool empty = l == 0.0;
  return vec2(empty ? 0.0 : scale / sum, empty ? SOFTMAX_NONE : m + softmax_log(l));
}
#ifdef FEATURE_BIAS
uniform sampler2D bias;
uniform ivec2 biasView;
#endif
#ifdef FEATURE_QQ_BIAS
uniform sampler2D qqBias;
uniform ivec2 qqBiasView;
#endif
#ifdef FEATURE_ALIBI
uniform sampler2D alibiSlopes;
uniform ivec2 alibiSlopesView;
#endif
float score_tanh(float x) {
  float size = abs(x), square = x * x;
  float y = 1.6437580808997154e-2 * square - 5.2671812474727631e-2;
  y = (y * square + 1.3320724666118622e-1) * square - 3.3332946896553040e-1;
  float small = y * square * x + x;
  float e = softmax_exp(-2.0 * size);
  float large = 1.0 - (e + e) / (1.0 + e);
  return size < 0.55 ? small : (x < 0.0 ? -large : large);
}
float score_add(float s, float bias) { return bias == SOFTMAX_NONE ? bias : s + bias; }
float score_apply(Sequence sequence, Row row, int key, float s) {
#ifdef FEATURE_SOFTCAP
  s = softmax_is_nan(s) ? s : p_logitsSoftCap * score_tanh(s / p_logitsSoftCap);
#endif
#ifdef FEATURE_BIAS
  int at = sequence.index * p_biasStrideBatch + row.head * p_biasStrideHead + row.token * p_biasStrideToken;
  s = score_add(s, tensor_value(bias, biasView, at + key * p_biasStrideKey));
#endif
#ifdef FEATURE_QQ_BIAS
  int column = key - (sequence.keys - sequence.length);
  bool inside = column >= 0 && column < p_qqBiasSize && row.query < p_qqBiasSize;
  float tree = tensor_value(qqBias, qqBiasView, inside ? row.query * p_qqBiasSize + column : 0);
  s = inside ? score_add(s, tree) : s;
#endif
#ifdef FEATURE_ALIBI
  float slope = tensor_value(alibiSlopes, alibiSlopesView, row.head);
  s -= slope * abs(float(row.position - key));
#endif
  return s;
}
float score_slope(float s) {
#ifdef FEATURE_SOFTCAP
  float bent = score_tanh(s / p_logitsSoftCap);
  return (1.0 - bent * bent) * p_softmaxScale;
#else
  return p_softmaxScale;
#endif
}
#ifdef FEATURE_MASK
uniform sampler2D mask;
uniform ivec2 maskView;
#endif
int mask_chunk(int position) {
  int chunk = position / p_chunkSize;
  return chunk * p_chunkSize > position ? chunk - 1 : chunk;
}
bool mask_in_band(Sequence sequence, Row row, int key) {
  bool seen = true;
#ifdef FEATURE_CAUSAL
  seen = seen && (key <= row.position || !sequence.causal);
#endif
#ifdef FEATURE_WINDOW
  bool inWindow = (p_windowLeft < 0 || row.position - key <= p_windowLeft) &&
      (p_windowRight < 0 || key - row.position <= p_windowRight);
  seen = seen && (inWindow || key < sequence.prefix);
#endif
#ifdef FEATURE_CHUNK
  int chunks = mask_chunk(row.position) - mask_chunk(key);
  seen = seen && chunks >= 0 && chunks <= p_chunkLookback;
#endif
  return seen;
}
bool mask_visible(Sequence sequence, Row row, int key) {
  bool seen = mask_in_band(sequence, row, key);
#ifdef FEATURE_MM_PREFIX
  seen = seen || (row.rangeFirst <= key && key <= row.rangeLast);
#endif
#ifdef FEATURE_MASK
  int at = sequence.index * p_maskStrideBatch + row.head * p_maskStrideHead + row.token * p_maskStrideToken;
  seen = seen && tensor_value(mask, maskView, at + key * p_maskStrideKey) != 0.0;
#endif
  return seen && row.valid;
}
#ifdef FEATURE_DROPOUT
uniform ivec2 dropout;
uint dropout_mix(uint x) {
  x = (x ^ (x >> 16)) * 0x85ebca6bu;
  x = (x ^ (x >> 13)) * 0xc2b2ae35u;
  return x ^ (x >> 16);
}
uint dropout_row(Sequence sequence, Row row) {
  uint place = uint((sequence.index * p_numHeads + row.head) * p_maxQueryLen + row.query);
  return dropout_mix(dropout_mix(place + 1u) ^ uint(dropout.x));
}
float dropout_factor(uint dropped, int key) {
  int drawn = int(dropout_mix(dropped + uint(key) * 0x9e3779b9u) >> 8);
  return drawn < dropout.y ? 0.0 : 16777216.0 / float(16777216 - dropout.y);
}
#endif
uniform usampler2D rows0, keys0;
uniform usampler2D rows1, keys1;
uniform usampler2D facts;
uniform ivec4 tiles;
layout(location = 0) out highp uvec4 weights0_0;
layout(location = 1) out highp uvec4 weights0_1;
layout(location = 2) out highp uvec4 gradients0_0;
layout(location = 3) out highp uvec4 gradients0_1;
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
  float sum0_0_0 = 0.0;
  float sum0_0_1 = 0.0;
  float sum0_0_2 = 0.0;
  float sum0_0_3 = 0.0;
  float sum0_0_4 = 0.0;
  float sum0_0_5 = 0.0;
  float sum0_0_6 = 0.0;
  {
    ivec2 rowAt = column_place(column, LINE0 * ROWS), keyAt = column_place(tile, LINE0 * KEYS);
    for (int quad = 0; quad < LINE0; quad++) {
      vec4 row0 = uintBitsToFloat(texelFetch(rows0, rowAt + ivec2(0, 0), 0));
      vec4 lanes0 = uintBitsToFloat(texelFetch(keys0, keyAt + ivec2(0, 0), 0));
      sum0_0_0 += dot(row0, lanes0);
      vec4 lanes1 = uintBitsToFloat(texelFetch(keys0, keyAt + ivec2(0, 1), 0));
      sum0_0_1 += dot(row0, lanes1);
      vec4 lanes2 = uintBitsToFloat(texelFetch(keys0, keyAt + ivec2(0, 2), 0));
      sum0_0_2 += dot(row0, lanes2);
      vec4 lanes3 = uintBitsToFloat(texelFetch(keys0, keyAt + ivec2(0, 3), 0));
      sum0_0_3 += dot(row0, lanes3);
      vec4 lanes4 = uintBitsToFloat(texelFetch(keys0, keyAt + ivec2(0, 4), 0));
      sum0_0_4 += dot(row0, lanes4);
      vec4 lanes5 = uintBitsToFloat(texelFetch(keys0, keyAt + ivec2(0, 5), 0));
      sum0_0_5 += dot(row0, lanes5);
      vec4 lanes6 = uintBitsToFloat(texelFetch(keys0, keyAt + ivec2(0, 6), 0));
      sum0_0_6 += dot(row0, lanes6);
      rowAt.y += ROWS;
      keyAt.y += KEYS;
    }
  }
  float sum1_0_0 = 0.0;
  float sum1_0_1 = 0.0;
  float sum1_0_2 = 0.0;
  float sum1_0_3 = 0.0;
  float sum1_0_4 = 0.0;
  float sum1_0_5 = 0.0;
  float sum1_0_6 = 0.0;
  {
    ivec2 rowAt = column_place(column, LINE1 * ROWS), keyAt = column_place(tile, LINE1 * KEYS);
    for (int quad = 0; quad < LINE1; quad++) {
      vec4 row0 = uintBitsToFloat(texelFetch(rows1, rowAt + ivec2(0, 0), 0));
      vec4 lanes0 = uintBitsToFloat(texelFetch(keys1, keyAt + ivec2(0, 0), 0));
      sum1_0_0 += dot(row0, lanes0);
      vec4 lanes1 = uintBitsToFloat(texelFetch(keys1, keyAt + ivec2(0, 1), 0));
      sum1_0_1 += dot(row0, lanes1);
      vec4 lanes2 = uintBitsToFloat(texelFetch(keys1, keyAt + ivec2(0, 2), 0));
      sum1_0_2 += dot(row0, lanes2);
      vec4 lanes3 = uintBitsToFloat(texelFetch(keys1, keyAt + ivec2(0, 3), 0));
      sum1_0_3 += dot(row0, lanes3);
      vec4 lanes4 = uintBitsToFloat(texelFetch(keys1, keyAt + ivec2(0, 4), 0));
      sum1_0_4 += dot(row0, lanes4);
      vec4 lanes5 = uintBitsToFloat(texelFetch(keys1, keyAt + ivec2(0, 5), 0));
      sum1_0_5 += dot(row0, lanes5);
      vec4 lanes6 = uintBitsToFloat(texelFetch(keys1, keyAt + ivec2(0, 6), 0));
      sum1_0_6 += dot(row0, lanes6);
      rowAt.y += ROWS;
      keyAt.y += KEYS;
    }
  }
  float weights[ROWS * KEYS], gradients[ROWS * KEYS];
  weights[0 * KEYS + 0] = sum0_0_0;
  gradients[0 * KEYS + 0] = sum1_0_0;
  weights[0 * KEYS + 1] = sum0_0_1;
  gradients[0 * KEYS + 1] = sum1_0_1;
  weights[0 * KEYS + 2] = sum0_0_2;
  gradients[0 * KEYS + 2] = sum1_0_2;
  weights[0 * KEYS + 3] = sum0_0_3;
  gradients[0 * KEYS + 3] = sum1_0_3;
  weights[0 * KEYS + 4] = sum0_0_4;
  gradients[0 * KEYS + 4] = sum1_0_4;
  weights[0 * KEYS + 5] = sum0_0_5;
  gradients[0 * KEYS + 5] = sum1_0_5;
  weights[0 * KEYS + 6] = sum0_0_6;
  gradients[0 * KEYS + 6] = sum1_0_6;
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
      float gradient = weight == 0.0 ? 0.0 : weight * (gradients[i] * kept - mean);
#ifndef BY_SCORES
      gradient *= weight == 0.0 ? 1.0 : score_slope(product);
#endif
      weights[i] = weight * kept;
      gradients[i] = gradient;
    }
  }
  weights0_0 = floatBitsToUint(vec4(weights[0 * KEYS], weights[0 * KEYS + 1], weights[0 * KEYS + 2], weights[0 * KEYS + 3]));
  weights0_1 = floatBitsToUint(vec4(weights[0 * KEYS + 4], weights[0 * KEYS + 5], weights[0 * KEYS + 6], 0.0));
  gradients0_0 = floatBitsToUint(vec4(gradients[0 * KEYS], gradients[0 * KEYS + 1], gradients[0 * KEYS + 2], gradients[0 * KEYS + 3]));
  gradients0_1 = floatBitsToUint(vec4(gradients[0 * KEYS + 4], gradients[0 * KEYS + 5], gradients[0 * KEYS + 6], 0.0));
}

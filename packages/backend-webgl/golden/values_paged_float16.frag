#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
precision highp usampler2DArray;
precision highp isampler2DArray;
#define ROWS 4
#define QUERIES_PER_KV 4
#define KEYS 7
#define QUADS 2
#define VALUE_BLOCKS 8
#define VALUE_LANES 64
#define KEY_TEXELS 8
#define VALUE_TEXELS 8
#define VALUE_STRIDE 8
#define BLOCK_SIZE 16
#define KV_FLOAT32 0
#define KV_FLOAT16 1
#define KV_BFLOAT16 2
#define KV_FP8_E4M3 3
#define KV_FP8_E5M2 4
#define KV_INT8 5
#define KV_INT8_PER_TOKEN_HEAD 6
#define KV_FP8_PER_TOKEN_HEAD 7
#define KV_INT4_PER_TOKEN_HEAD 8
#define KV_TYPE 1
#define KV_QUADS 2
#define PAGED
#define HEAD_SCALES
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
uniform usampler2D weights0_0, weights0_1;
uniform usampler2D weights1_0, weights1_1;
uniform usampler2D weights2_0, weights2_1;
uniform usampler2D weights3_0, weights3_1;
#ifdef TILED
uniform usampler2D values;
#else
uniform usampler2DArray values;
#endif
#ifdef TOKEN_SCALES
uniform usampler2DArray valueScales;
#endif
uniform ivec4 tiles;
layout(location = 0) out highp uvec4 state0_0;
layout(location = 1) out highp uvec4 state0_1;
layout(location = 2) out highp uvec4 state1_0;
layout(location = 3) out highp uvec4 state1_1;
layout(location = 4) out highp uvec4 state2_0;
layout(location = 5) out highp uvec4 state2_1;
layout(location = 6) out highp uvec4 state3_0;
layout(location = 7) out highp uvec4 state3_1;
vec4 weights_of(highp usampler2D sheet, int tile, int group) {
  return uintBitsToFloat(texelFetch(sheet, ivec2(tile - tiles.z, group), 0));
}
bool is_finite(vec4 x) { return all(lessThan(floatBitsToUint(x) & 0x7f800000u, uvec4(0x7f800000u))); }
#ifdef TILED
#define FIND(key, last) ivec2 place = kv_values_place(kv_tile(sequence, key, kvHead)) + ivec2(column * QUADS, 0);
#define ROW(key, k)
#define VALUE(c, k) uintBitsToFloat(texelFetch(values, place + ivec2(c, k), 0))
#else
#define FIND(key, last) Span span = kv_span(sequence, key, last);
#define ROW(key, k) int row = kv_row_of(span, sequence, key, kvHead);
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
  float m0 = SOFTMAX_NONE, l0 = 0.0;
  vec4 o0_0 = vec4(0.0);
  vec4 o0_1 = vec4(0.0);
  float m1 = SOFTMAX_NONE, l1 = 0.0;
  vec4 o1_0 = vec4(0.0);
  vec4 o1_1 = vec4(0.0);
  float m2 = SOFTMAX_NONE, l2 = 0.0;
  vec4 o2_0 = vec4(0.0);
  vec4 o2_1 = vec4(0.0);
  float m3 = SOFTMAX_NONE, l3 = 0.0;
  vec4 o3_0 = vec4(0.0);
  vec4 o3_1 = vec4(0.0);
#ifdef FEATURE_DROPOUT
  uint dropped0 = dropout_row(sequence, batch_row(sequence, kvHead, group.row + 0));
  uint dropped1 = dropout_row(sequence, batch_row(sequence, kvHead, group.row + 1));
  uint dropped2 = dropout_row(sequence, batch_row(sequence, kvHead, group.row + 2));
  uint dropped3 = dropout_row(sequence, batch_row(sequence, kvHead, group.row + 3));
#endif
  for (int tile = begin; tile < end; tile++) {
    vec4 w0_0 = weights_of(weights0_0, tile, at.y), w0_1 = weights_of(weights0_1, tile, at.y);
    float top0 = w0_1.w;
    w0_1.w = 0.0;
    vec4 w1_0 = weights_of(weights1_0, tile, at.y), w1_1 = weights_of(weights1_1, tile, at.y);
    float top1 = w1_1.w;
    w1_1.w = 0.0;
    vec4 w2_0 = weights_of(weights2_0, tile, at.y), w2_1 = weights_of(weights2_1, tile, at.y);
    float top2 = w2_1.w;
    w2_1.w = 0.0;
    vec4 w3_0 = weights_of(weights3_0, tile, at.y), w3_1 = weights_of(weights3_1, tile, at.y);
    float top3 = w3_1.w;
    w3_1.w = 0.0;
    bool moves = false;
    moves = moves || top0 != m0;
    moves = moves || top1 != m1;
    moves = moves || top2 != m2;
    moves = moves || top3 != m3;
    if (moves) {
      {
        float m = max(m0, top0), fade = softmax_rescale(m0, m), rise = softmax_rescale(top0, m);
        l0 *= fade;
        o0_0 *= fade;
        o0_1 *= fade;
        w0_0 *= rise;
        w0_1 *= rise;
        m0 = m;
      }
      {
        float m = max(m1, top1), fade = softmax_rescale(m1, m), rise = softmax_rescale(top1, m);
        l1 *= fade;
        o1_0 *= fade;
        o1_1 *= fade;
        w1_0 *= rise;
        w1_1 *= rise;
        m1 = m;
      }
      {
        float m = max(m2, top2), fade = softmax_rescale(m2, m), rise = softmax_rescale(top2, m);
        l2 *= fade;
        o2_0 *= fade;
        o2_1 *= fade;
        w2_0 *= rise;
        w2_1 *= rise;
        m2 = m;
      }
      {
        float m = max(m3, top3), fade = softmax_rescale(m3, m), rise = softmax_rescale(top3, m);
        l3 *= fade;
        o3_0 *= fade;
        o3_1 *= fade;
        w3_0 *= rise;
        w3_1 *= rise;
        m3 = m;
      }
    }
    if (counts) {
      l0 += dot(w0_0 + w0_1, vec4(1.0));
      l1 += dot(w1_0 + w1_1, vec4(1.0));
      l2 += dot(w2_0 + w2_1, vec4(1.0));
      l3 += dot(w3_0 + w3_1, vec4(1.0));
      continue;
    }
    int key0 = batch_key(group, tile * KEYS), last = key0 + min(KEYS, count - tile * KEYS) - 1;
    FIND(key0, last)
#ifdef FEATURE_DROPOUT
    w0_0.x *= dropout_factor(dropped0, key0 + 0);
    w1_0.x *= dropout_factor(dropped1, key0 + 0);
    w2_0.x *= dropout_factor(dropped2, key0 + 0);
    w3_0.x *= dropout_factor(dropped3, key0 + 0);
    w0_0.y *= dropout_factor(dropped0, key0 + 1);
    w1_0.y *= dropout_factor(dropped1, key0 + 1);
    w2_0.y *= dropout_factor(dropped2, key0 + 1);
    w3_0.y *= dropout_factor(dropped3, key0 + 1);
    w0_0.z *= dropout_factor(dropped0, key0 + 2);
    w1_0.z *= dropout_factor(dropped1, key0 + 2);
    w2_0.z *= dropout_factor(dropped2, key0 + 2);
    w3_0.z *= dropout_factor(dropped3, key0 + 2);
    w0_0.w *= dropout_factor(dropped0, key0 + 3);
    w1_0.w *= dropout_factor(dropped1, key0 + 3);
    w2_0.w *= dropout_factor(dropped2, key0 + 3);
    w3_0.w *= dropout_factor(dropped3, key0 + 3);
    w0_1.x *= dropout_factor(dropped0, key0 + 4);
    w1_1.x *= dropout_factor(dropped1, key0 + 4);
    w2_1.x *= dropout_factor(dropped2, key0 + 4);
    w3_1.x *= dropout_factor(dropped3, key0 + 4);
    w0_1.y *= dropout_factor(dropped0, key0 + 5);
    w1_1.y *= dropout_factor(dropped1, key0 + 5);
    w2_1.y *= dropout_factor(dropped2, key0 + 5);
    w3_1.y *= dropout_factor(dropped3, key0 + 5);
    w0_1.z *= dropout_factor(dropped0, key0 + 6);
    w1_1.z *= dropout_factor(dropped1, key0 + 6);
    w2_1.z *= dropout_factor(dropped2, key0 + 6);
    w3_1.z *= dropout_factor(dropped3, key0 + 6);
#endif
    {
      ROW(min(key0 + 0, last), 0)
      SCALE(scale)
      vec4 value0 = VALUE(0, 0);
      vec4 value1 = VALUE(1, 0);
      o0_0 += w0_0.x * scale * value0;
      o0_1 += w0_0.x * scale * value1;
      o1_0 += w1_0.x * scale * value0;
      o1_1 += w1_0.x * scale * value1;
      o2_0 += w2_0.x * scale * value0;
      o2_1 += w2_0.x * scale * value1;
      o3_0 += w3_0.x * scale * value0;
      o3_1 += w3_0.x * scale * value1;
    }
    {
      ROW(min(key0 + 1, last), 1)
      SCALE(scale)
      vec4 value0 = VALUE(0, 1);
      vec4 value1 = VALUE(1, 1);
      o0_0 += w0_0.y * scale * value0;
      o0_1 += w0_0.y * scale * value1;
      o1_0 += w1_0.y * scale * value0;
      o1_1 += w1_0.y * scale * value1;
      o2_0 += w2_0.y * scale * value0;
      o2_1 += w2_0.y * scale * value1;
      o3_0 += w3_0.y * scale * value0;
      o3_1 += w3_0.y * scale * value1;
    }
    {
      ROW(min(key0 + 2, last), 2)
      SCALE(scale)
      vec4 value0 = VALUE(0, 2);
      vec4 value1 = VALUE(1, 2);
      o0_0 += w0_0.z * scale * value0;
      o0_1 += w0_0.z * scale * value1;
      o1_0 += w1_0.z * scale * value0;
      o1_1 += w1_0.z * scale * value1;
      o2_0 += w2_0.z * scale * value0;
      o2_1 += w2_0.z * scale * value1;
      o3_0 += w3_0.z * scale * value0;
      o3_1 += w3_0.z * scale * value1;
    }
    {
      ROW(min(key0 + 3, last), 3)
      SCALE(scale)
      vec4 value0 = VALUE(0, 3);
      vec4 value1 = VALUE(1, 3);
      o0_0 += w0_0.w * scale * value0;
      o0_1 += w0_0.w * scale * value1;
      o1_0 += w1_0.w * scale * value0;
      o1_1 += w1_0.w * scale * value1;
      o2_0 += w2_0.w * scale * value0;
      o2_1 += w2_0.w * scale * value1;
      o3_0 += w3_0.w * scale * value0;
      o3_1 += w3_0.w * scale * value1;
    }
    {
      ROW(min(key0 + 4, last), 4)
      SCALE(scale)
      vec4 value0 = VALUE(0, 4);
      vec4 value1 = VALUE(1, 4);
      o0_0 += w0_1.x * scale * value0;
      o0_1 += w0_1.x * scale * value1;
      o1_0 += w1_1.x * scale * value0;
      o1_1 += w1_1.x * scale * value1;
      o2_0 += w2_1.x * scale * value0;
      o2_1 += w2_1.x * scale * value1;
      o3_0 += w3_1.x * scale * value0;
      o3_1 += w3_1.x * scale * value1;
    }
    {
      ROW(min(key0 + 5, last), 5)
      SCALE(scale)
      vec4 value0 = VALUE(0, 5);
      vec4 value1 = VALUE(1, 5);
      o0_0 += w0_1.y * scale * value0;
      o0_1 += w0_1.y * scale * value1;
      o1_0 += w1_1.y * scale * value0;
      o1_1 += w1_1.y * scale * value1;
      o2_0 += w2_1.y * scale * value0;
      o2_1 += w2_1.y * scale * value1;
      o3_0 += w3_1.y * scale * value0;
      o3_1 += w3_1.y * scale * value1;
    }
    {
      ROW(min(key0 + 6, last), 6)
      SCALE(scale)
      vec4 value0 = VALUE(0, 6);
      vec4 value1 = VALUE(1, 6);
      o0_0 += w0_1.z * scale * value0;
      o0_1 += w0_1.z * scale * value1;
      o1_0 += w1_1.z * scale * value0;
      o1_1 += w1_1.z * scale * value1;
      o2_0 += w2_1.z * scale * value0;
      o2_1 += w2_1.z * scale * value1;
      o3_0 += w3_1.z * scale * value0;
      o3_1 += w3_1.z * scale * value1;
    }
  }
  bool redo = false;
  redo = redo || !is_finite(o0_0);
  redo = redo || !is_finite(o0_1);
  redo = redo || !is_finite(o1_0);
  redo = redo || !is_finite(o1_1);
  redo = redo || !is_finite(o2_0);
  redo = redo || !is_finite(o2_1);
  redo = redo || !is_finite(o3_0);
  redo = redo || !is_finite(o3_1);
  for (int once = redo ? 0 : 1; once < 1; once++) {
    o0_0 = vec4(0.0);
    o0_1 = vec4(0.0);
    o1_0 = vec4(0.0);
    o1_1 = vec4(0.0);
    o2_0 = vec4(0.0);
    o2_1 = vec4(0.0);
    o3_0 = vec4(0.0);
    o3_1 = vec4(0.0);
    for (int ordinal = begin * KEYS; ordinal < min(end * KEYS, count); ordinal++) {
      int tile = ordinal / KEYS, k = ordinal - tile * KEYS;
      int key = batch_key(group, ordinal);
      FIND(key - k, key)
      ROW(key, k)
      SCALE(scale)
      vec4 value0 = VALUE(0, k);
      vec4 value1 = VALUE(1, k);
      {
        vec4 low = weights_of(weights0_0, tile, at.y), high = weights_of(weights0_1, tile, at.y);
        float weight = (k < 4 ? low : high)[k % 4] * softmax_rescale(high.w, m0);
#ifdef FEATURE_DROPOUT
        weight *= dropout_factor(dropped0, key);
#endif
        if (weight != 0.0) {
          o0_0 += weight * scale * value0;
          o0_1 += weight * scale * value1;
        }
      }
      {
        vec4 low = weights_of(weights1_0, tile, at.y), high = weights_of(weights1_1, tile, at.y);
        float weight = (k < 4 ? low : high)[k % 4] * softmax_rescale(high.w, m1);
#ifdef FEATURE_DROPOUT
        weight *= dropout_factor(dropped1, key);
#endif
        if (weight != 0.0) {
          o1_0 += weight * scale * value0;
          o1_1 += weight * scale * value1;
        }
      }
      {
        vec4 low = weights_of(weights2_0, tile, at.y), high = weights_of(weights2_1, tile, at.y);
        float weight = (k < 4 ? low : high)[k % 4] * softmax_rescale(high.w, m2);
#ifdef FEATURE_DROPOUT
        weight *= dropout_factor(dropped2, key);
#endif
        if (weight != 0.0) {
          o2_0 += weight * scale * value0;
          o2_1 += weight * scale * value1;
        }
      }
      {
        vec4 low = weights_of(weights3_0, tile, at.y), high = weights_of(weights3_1, tile, at.y);
        float weight = (k < 4 ? low : high)[k % 4] * softmax_rescale(high.w, m3);
#ifdef FEATURE_DROPOUT
        weight *= dropout_factor(dropped3, key);
#endif
        if (weight != 0.0) {
          o3_0 += weight * scale * value0;
          o3_1 += weight * scale * value1;
        }
      }
    }
  }
  state0_0 = floatBitsToUint(counts ? vec4(m0, l0, 0.0, 0.0) : o0_0);
  state0_1 = floatBitsToUint(counts ? vec4(m0, l0, 0.0, 0.0) : o0_1);
  state1_0 = floatBitsToUint(counts ? vec4(m1, l1, 0.0, 0.0) : o1_0);
  state1_1 = floatBitsToUint(counts ? vec4(m1, l1, 0.0, 0.0) : o1_1);
  state2_0 = floatBitsToUint(counts ? vec4(m2, l2, 0.0, 0.0) : o2_0);
  state2_1 = floatBitsToUint(counts ? vec4(m2, l2, 0.0, 0.0) : o2_1);
  state3_0 = floatBitsToUint(counts ? vec4(m3, l3, 0.0, 0.0) : o3_0);
  state3_1 = floatBitsToUint(counts ? vec4(m3, l3, 0.0, 0.0) : o3_1);
}

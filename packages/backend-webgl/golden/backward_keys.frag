#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
precision highp usampler2DArray;
precision highp isampler2DArray;
#define ROWS 2
#define KEYS 7
#define QUERIES_PER_KV 1
#define QUADS 2
#define BLOCKS 8
#define PLACES 4
#define PRODUCTS 2
#define LINE 16
#define LINE0 16
#define LINE1 16
#define LINE_OF_ROWS 16
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
int batch_ordinal(Group group, int key) {
  if (group.first <= key && key < group.gap) return key - group.first;
  return group.resume <= key && key < group.end ? key - group.resume + group.gap - group.first : -1;
}
uniform usampler2D weights0_0, weights0_1;
uniform usampler2D weights1_0, weights1_1;
uniform usampler2D rows;
uniform usampler2DArray before;
uniform ivec4 tiles;
uniform ivec3 pack;
layout(location = 0) out highp uvec4 sum0_0;
layout(location = 1) out highp uvec4 sum0_1;
layout(location = 2) out highp uvec4 sum1_0;
layout(location = 3) out highp uvec4 sum1_1;
layout(location = 4) out highp uvec4 sum2_0;
layout(location = 5) out highp uvec4 sum2_1;
layout(location = 6) out highp uvec4 sum3_0;
layout(location = 7) out highp uvec4 sum3_1;
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
  vec4 d0_0 = uintBitsToFloat(texelFetch(before, ivec3(at, 0 * QUADS + 0), 0));
  vec4 d0_1 = uintBitsToFloat(texelFetch(before, ivec3(at, 0 * QUADS + 1), 0));
  vec4 d1_0 = uintBitsToFloat(texelFetch(before, ivec3(at, 1 * QUADS + 0), 0));
  vec4 d1_1 = uintBitsToFloat(texelFetch(before, ivec3(at, 1 * QUADS + 1), 0));
  vec4 d2_0 = uintBitsToFloat(texelFetch(before, ivec3(at, 2 * QUADS + 0), 0));
  vec4 d2_1 = uintBitsToFloat(texelFetch(before, ivec3(at, 2 * QUADS + 1), 0));
  vec4 d3_0 = uintBitsToFloat(texelFetch(before, ivec3(at, 3 * QUADS + 0), 0));
  vec4 d3_1 = uintBitsToFloat(texelFetch(before, ivec3(at, 3 * QUADS + 1), 0));
  for (int index = max(tiles.x, sequence.firstGroup); index < min(tiles.x + tiles.y, end); index++) {
    int x = batch_ordinal(batch_group(index), key0);
    x = x < 0 ? -1 : x / KEYS - tiles.z;
    if (x < 0 || x >= tiles.w) continue;
    ivec2 weightAt = ivec2(x, kvHead * tiles.y + index - tiles.x);
    ivec2 rowAt = column_place(kvHead * pack.z + index, LINE_OF_ROWS * ROWS) + ivec2(0, quad0 * ROWS);
    {
      vec4 weight = uintBitsToFloat(isUpper ? texelFetch(weights0_1, weightAt, 0) : texelFetch(weights0_0, weightAt, 0));
      vec4 lanes0 = uintBitsToFloat(texelFetch(rows, rowAt + ivec2(0, 0 * ROWS + 0), 0));
      d0_0 += weight.x * lanes0;
      d1_0 += weight.y * lanes0;
      d2_0 += weight.z * lanes0;
      d3_0 += weight.w * lanes0;
      vec4 lanes1 = uintBitsToFloat(texelFetch(rows, rowAt + ivec2(0, 1 * ROWS + 0), 0));
      d0_1 += weight.x * lanes1;
      d1_1 += weight.y * lanes1;
      d2_1 += weight.z * lanes1;
      d3_1 += weight.w * lanes1;
    }
    {
      vec4 weight = uintBitsToFloat(isUpper ? texelFetch(weights1_1, weightAt, 0) : texelFetch(weights1_0, weightAt, 0));
      vec4 lanes0 = uintBitsToFloat(texelFetch(rows, rowAt + ivec2(0, 0 * ROWS + 1), 0));
      d0_0 += weight.x * lanes0;
      d1_0 += weight.y * lanes0;
      d2_0 += weight.z * lanes0;
      d3_0 += weight.w * lanes0;
      vec4 lanes1 = uintBitsToFloat(texelFetch(rows, rowAt + ivec2(0, 1 * ROWS + 1), 0));
      d0_1 += weight.x * lanes1;
      d1_1 += weight.y * lanes1;
      d2_1 += weight.z * lanes1;
      d3_1 += weight.w * lanes1;
    }
  }
  sum0_0 = floatBitsToUint(d0_0);
  sum0_1 = floatBitsToUint(d0_1);
  sum1_0 = floatBitsToUint(d1_0);
  sum1_1 = floatBitsToUint(d1_1);
  sum2_0 = floatBitsToUint(d2_0);
  sum2_1 = floatBitsToUint(d2_1);
  sum3_0 = floatBitsToUint(d3_0);
  sum3_1 = floatBitsToUint(d3_1);
}

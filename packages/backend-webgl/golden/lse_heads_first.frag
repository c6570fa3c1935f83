#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
precision highp usampler2DArray;
precision highp isampler2DArray;
#define ROWS 4
#define QUERIES_PER_KV 1
#define KEYS 7
#define QUADS 2
#define VALUE_BLOCKS 8
#define VALUE_LANES 64
#define KEY_TEXELS 16
#define VALUE_TEXELS 16
#define VALUE_STRIDE 16
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
#define HEADS_FIRST
#define WRITES_LSE
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
uniform ivec4 tiles;
uniform int size;
struct Place {
  bool here;
  int kvHead, head, lane;
  int y, row;
};
int output_index() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  return at.y * tiles.w + at.x;
}
Place output_place(int i, int lanes) {
  int rest = i / lanes, lane = i - rest * lanes;
#ifdef HEADS_FIRST
  int token = rest % p_maxQueryLen, line = rest / p_maxQueryLen;
  int head = line % p_numHeads;
  Sequence sequence = batch_sequence(line / p_numHeads);
#else
  int token = rest / p_numHeads, head = rest - token * p_numHeads;
#ifdef PAGED
  Sequence sequence = batch_sequence(batch_int(intsAt.z, token));
  token -= sequence.start;
#else
  Sequence sequence = batch_sequence(token / p_maxQueryLen);
  token -= sequence.index * p_maxQueryLen;
#endif
#endif
  int kvHead = head / QUERIES_PER_KV;
  int row = token * QUERIES_PER_KV + head - kvHead * QUERIES_PER_KV;
  int group = sequence.firstGroup + row / ROWS - tiles.x;
  bool here = group >= 0 && group < tiles.y;
  return Place(here, kvHead, head, lane, kvHead * tiles.y + group, row % ROWS);
}
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
uniform usampler2DArray state;
#ifdef FEATURE_SINKS
uniform sampler2D sinks;
uniform ivec2 sinksView;
#endif
#if defined(HEAD_SCALES) && !defined(WRITES_LSE)
uniform usampler2DArray headScales;
#endif
layout(location = 0) out highp vec4 result;
#ifdef WRITES_LSE
#define LANES 1
#else
#define LANES VALUE_LANES
#endif
void main() {
  int i = output_index();
  if (i >= size) discard;
  Place place = output_place(i, LANES);
  if (!place.here) discard;
  float m = SOFTMAX_NONE, l = 0.0, o = 0.0;
  for (int split = 0; split < tiles.z; split++) {
    int x = split * (VALUE_BLOCKS + 1);
    vec2 part = uintBitsToFloat(texelFetch(state, ivec3(x + VALUE_BLOCKS, place.y, place.row * QUADS), 0)).xy;
    float fade = 1.0, rise = 1.0;
    if (part.x != m) {
      float top = max(m, part.x);
      fade = softmax_rescale(m, top);
      rise = softmax_rescale(part.x, top);
      m = top;
    }
    l = l * fade + part.y * rise;
#ifndef WRITES_LSE
    int quad = place.lane / 4, block = quad / QUADS;
    ivec3 cell = ivec3(x + block, place.y, place.row * QUADS + quad - block * QUADS);
    o = o * fade + uintBitsToFloat(texelFetch(state, cell, 0))[place.lane % 4] * rise;
#endif
  }
#ifdef FEATURE_SINKS
  float sink = tensor_value(sinks, sinksView, place.head);
#else
  float sink = SOFTMAX_NONE;
#endif
  vec2 finished = softmax_finish(m, l, sink);
#ifdef WRITES_LSE
  result = vec4(finished.y, 0.0, 0.0, 0.0);
#else
#ifdef HEAD_SCALES
  finished.x *= uintBitsToFloat(FETCH(headScales, p_numKvHeads + place.kvHead).x);
#endif
  result = vec4(l == 0.0 ? 0.0 : o * finished.x, 0.0, 0.0, 0.0);
#endif
}

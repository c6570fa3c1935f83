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
int batch_ordinal(Group group, int key) {
  if (group.first <= key && key < group.gap) return key - group.first;
  return group.resume <= key && key < group.end ? key - group.resume + group.gap - group.first : -1;
}
uniform usampler2D gradients0_0, gradients0_1;
uniform usampler2D gradients1_0, gradients1_1;
uniform usampler2DArray before;
uniform ivec4 tiles;
uniform ivec4 axes;
uniform ivec4 pack;
layout(location = 0) out highp uvec4 texel;
vec4 gradients_at(int row, bool isUpper, ivec2 at) {
  if (row == 0) return uintBitsToFloat(isUpper ? texelFetch(gradients0_1, at, 0) : texelFetch(gradients0_0, at, 0));
  if (row == 1) return uintBitsToFloat(isUpper ? texelFetch(gradients1_1, at, 0) : texelFetch(gradients1_0, at, 0));
  return vec4(0.0);
}
float sum_of_tile(Sequence sequence, Group group, int query, int row, ivec2 at) {
  vec4 low = gradients_at(row, false, at), high = gradients_at(row, true, at);
#ifdef BY_SLOPE
  float distance = float(sequence.offset + query - batch_key(group, (tiles.z + at.x) * KEYS));
  return -dot(low, abs(distance - vec4(0.0, 1.0, 2.0, 3.0))) - dot(high, abs(distance - vec4(4.0, 5.0, 6.0, 7.0)));
#else
  return dot(low + high, vec4(1.0));
#endif
}
float sum_of_row(Sequence sequence, int head, int query, int key) {
  int kvHead = head / QUERIES_PER_KV;
  int row = query * QUERIES_PER_KV + head - kvHead * QUERIES_PER_KV;
  int index = sequence.firstGroup + row / ROWS, y = kvHead * tiles.y + index - tiles.x;
  if (index < tiles.x || index >= tiles.x + tiles.y) return 0.0;
  Group group = batch_group(index);
  if (key >= 0) {
    int ordinal = batch_ordinal(group, key), x = ordinal / KEYS - tiles.z, place = ordinal % KEYS;
    if (ordinal < 0 || x < 0 || x >= tiles.w) return 0.0;
    return gradients_at(row % ROWS, place > 3, ivec2(x, y))[place % 4];
  }
  float sum = 0.0;
  int most = min(tiles.w, (batch_keys(group) + KEYS - 1) / KEYS - tiles.z);
  for (int x = 0; x < most; x++) sum += sum_of_tile(sequence, group, query, row % ROWS, ivec2(x, y));
  return sum;
}
void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  int i = pack.x + at.y * 2048 + at.x;
  if (i >= pack.y) discard;
#ifdef BY_TREE
  int tree = i / p_qqBiasSize, column = i - tree * p_qqBiasSize;
  ivec4 first = ivec4(0, 0, tree, 0), size = ivec4(p_numSeqs, p_numHeads, 1, 1);
#else
  int rest = i / axes.w;
  ivec4 first = ivec4(rest / axes.z / axes.y, rest / axes.z % axes.y, rest % axes.z, i - rest * axes.w);
  ivec4 all = ivec4(p_numSeqs, p_numHeads, p_maxQueryLen, p_maxSeqLen), size = ivec4(1);
  for (int axis = 0; axis < 3; axis++) size[axis] = axes[axis] == 1 ? all[axis] : 1;
#endif
  float sum = uintBitsToFloat(FETCH(before, i).x);
  for (int b = first.x; b < first.x + size.x; b++) {
    Sequence sequence = batch_sequence(b);
#ifdef BY_TREE
    int key = sequence.keys - sequence.length + column;
    if (key < 0 || key >= sequence.keys) continue;
#else
#ifdef BY_SLOPE
    int key = -1;
#else
    int key = axes.w == 1 && p_maxSeqLen > 1 ? -1 : first.w;
#endif
#endif
    int begin = max(first.z, (tiles.x - sequence.firstGroup) * ROWS / QUERIES_PER_KV);
    int end = (tiles.x + tiles.y - sequence.firstGroup) * ROWS + QUERIES_PER_KV - 1;
    end = min(min(first.z + size.z, sequence.length), max(end, 0) / QUERIES_PER_KV);
    for (int head = first.y; head < first.y + size.y; head++) {
      for (int query = begin; query < end; query++) sum += sum_of_row(sequence, head, query, key);
    }
  }
  texel = uvec4(floatBitsToUint(sum), 0u, 0u, 0u);
}

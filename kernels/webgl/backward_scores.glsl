// Gradients of what was added to scores: texel i of a folded array is element i of them, to which a block of groups adds.
// BY_TREE: the tree bias's. Else elements lie along the four axes of a bias, over those that are 1 it is summed;
// BY_SLOPE: of minus the distance from query to key.
#include "webgl/ordinal.glsl"

#for r in ROWS
uniform usampler2D gradients@r_0, gradients@r_1;
#end
uniform usampler2DArray before;
// First group, groups, first tile of the gradients, tiles of them.
uniform ivec4 tiles;
// Sequences, heads, query tokens, keys; 1 = summed, and keys then one for a row.
uniform ivec4 axes;
// First texel of the layer, elements, -, -.
uniform ivec4 pack;

layout(location = 0) out highp uvec4 texel;

vec4 gradients_at(int row, bool isUpper, ivec2 at) {
#for r in ROWS
  if (row == @r) return uintBitsToFloat(isUpper ? texelFetch(gradients@r_1, at, 0) : texelFetch(gradients@r_0, at, 0));
#end
  return vec4(0.0);
}

// What tile x of a row gives to all keys at once.
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
    // Tokens whose rows the block may have.
    int begin = max(first.z, (tiles.x - sequence.firstGroup) * ROWS / QUERIES_PER_KV);
    int end = (tiles.x + tiles.y - sequence.firstGroup) * ROWS + QUERIES_PER_KV - 1;
    end = min(min(first.z + size.z, sequence.length), max(end, 0) / QUERIES_PER_KV);
    for (int head = first.y; head < first.y + size.y; head++) {
      for (int query = begin; query < end; query++) sum += sum_of_row(sequence, head, query, key);
    }
  }
  texel = uvec4(floatBitsToUint(sum), 0u, 0u, 0u);
}

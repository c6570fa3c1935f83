// What a row's weights are made again from, beside its scores: what scores are measured from, the share of the weights that
// the sink leaves, what is taken off share * dweight, and what dropout hashes. Placed as pack_queries.glsl places quads.
#include "webgl/batch.glsl"
#include "parts/softmax.glsl"
#include "parts/dropout.glsl"

uniform sampler2D outputs, lses, douts, dlses;
uniform ivec2 outputsView, lsesView, doutsView, dlsesView;
#ifdef FEATURE_SINKS
uniform sampler2D sinks;
uniform ivec2 sinksView;
#endif
// Groups, texels of a column.
uniform ivec2 pack;

layout(location = 0) out highp uvec4 texel;

void main() {
  ivec2 column = column_of(ivec2(gl_FragCoord.xy), pack.y);
  int kvHead = column.x / pack.x;
  if (kvHead >= p_numKvHeads) discard;
  Group group = batch_group(column.x - kvHead * pack.x);
  Sequence sequence = batch_sequence(group.sequence);
  Row row = batch_row(sequence, kvHead, group.row + column.y);
  texel = uvec4(0u);
  if (!row.valid) return;
  int first = sequence.index * p_outStrideBatch + row.token * p_outStrideToken + row.head * p_outStrideHead;
  float sum = 0.0;
  for (int i = first; i < first + VALUE_LANES; i++) {
    sum += tensor_value(outputs, outputsView, i) * tensor_value(douts, doutsView, i);
  }
  int at = sequence.index * p_lseStrideBatch + row.token * p_lseStrideToken + row.head * p_lseStrideHead;
  float m = tensor_value(lses, lsesView, at), share = 1.0;
#ifdef FEATURE_SINKS
  float sink = tensor_value(sinks, sinksView, row.head), top = softmax_shift(max(m, sink));
  float weight = softmax_rescale(m, top);
  share = weight / (weight + softmax_rescale(sink, top));
  share = m == SOFTMAX_NONE ? 0.0 : share;
#endif
  float mean = share * sum - tensor_value(dlses, dlsesView, at);
  texel.xyz = floatBitsToUint(vec3(softmax_shift(m), share, mean));
#ifdef FEATURE_DROPOUT
  texel.w = dropout_row(sequence, row);
#endif
}

// Joins states of the same rows over different keys, always in the order of the keys.
#include "attention.h"

/** One row of split items: `states` of `rows` rows each, one after another. */
static SoftmaxResult combine_row(const float *states, u32 stride, u32 splits, u32 rows, u32 row, u32 size, float sink,
                                 vf *shift) {
  vf m = vf_splat(SOFTMAX_NONE), l = vf_splat(0.0f);
  for (u32 i = 0; i < splits; i++) m = vf_max(m, vf_splat(states[i * stride + rows * size + row]));
  *shift = softmax_shift(m);
  for (u32 i = 0; i < splits; i++) {
    const float *tail = states + i * stride + rows * size;
    l = vf_madd(vf_splat(tail[rows + row]), softmax_rescale(vf_splat(tail[row]), *shift), l);
  }
  return softmax_finish(m, l, vf_splat(sink));
}

static void combine_item(const AttnParams *p, const AttnOperands *o, const AttnItem *item, const float *states) {
  Sequence s = sequence_at(p, o, item->sequence);
  u32 size = (u32)p->valueHeadSize, rows = (u32)item->rows, splits = (u32)item->splits;
  u32 stride = state_floats(p, item->rows);
  for (u32 r = 0; r < rows; r++) {
    vf shift;
    int row = item->row + (int)r;
    float *out = row_out(p, o, &s, item, row), scale = row_value_scale(p, o, &s, item, row);
    SoftmaxResult result = combine_row(states, stride, splits, rows, r, size, row_sink(p, o, &s, item, row), &shift);
    row_write_lse(p, o, &s, item, row, LANE(result.lse, 0));
    for (u32 d = 0; d < size; d++) out[d] = 0.0f;
    for (u32 i = 0; i < splits; i++) {
      const float *state = states + i * stride;
      vf weight = softmax_rescale(vf_splat(state[rows * size + r]), shift) * result.factor * vf_splat(scale);
      float share = LANE(weight, 0);
      if (share == 0.0f) continue;
      for (u32 d = 0; d < size; d++) out[d] += state[r * size + d] * share;
    }
  }
}

EXPORT void attn_combine(const AttnParams *p, const AttnOperands *o, const AttnItem *items, u32 count,
                         const float *partials) {
  for (u32 i = 0; i < count; i += (u32)items[i].splits) {
    if (items[i].splits > 1) combine_item(p, o, items + i, partials + items[i].partial);
  }
}

/** An lse of +inf stands for no visible key in some libraries; so it does here. */
static float merge_lse(float lse) { return lse == -SOFTMAX_NONE ? SOFTMAX_NONE : lse; }

EXPORT void attn_merge_states(const float *outA, const float *lseA, const float *outB, const float *lseB,
                              const float *sinks, float *out, float *lse, u32 tokens, u32 heads, u32 size) {
  for (address row = 0; row < (address)tokens * heads; row++) {
    vf a = vf_splat(merge_lse(lseA[row])), b = vf_splat(merge_lse(lseB[row])), m = vf_max(a, b);
    vf shift = softmax_shift(m), weightA = softmax_rescale(a, shift), weightB = softmax_rescale(b, shift);
    vf sink = vf_splat(sinks ? sinks[row % heads] : SOFTMAX_NONE);
    SoftmaxResult result = softmax_finish(m, weightA + weightB, sink);
    float shareA = LANE(weightA * result.factor, 0), shareB = LANE(weightB * result.factor, 0);
    address at = row * size;
    for (u32 d = 0; d < size; d++) {
      float sum = shareA == 0.0f ? 0.0f : outA[at + d] * shareA;
      if (shareB != 0.0f) sum += outB[at + d] * shareB;
      out[at + d] = sum;
    }
    if (lse) lse[row] = LANE(result.lse, 0);
  }
}

// The operands of attention as ops take them, and as kernels want them.
#ifndef TFJS_ATTENTION_NODE_ATTENTION_INPUTS_H
#define TFJS_ATTENTION_NODE_ATTENTION_INPUTS_H
#include "attention_checks.h"
#include "machine.h"

namespace tfjs_attention {

/** The operands that dense and paged attention share, in the order of the op table. */
struct ScoreTensors {
  Tensor bias, mask, alibiSlopes, sinks, qqBias;

  ScoreTensors(Op &op, int first);
};

AttentionExtents extents_of(int64_t tokens, const Tensor &q, const ScoreTensors &score);
AttnOperands operands_of(const Tensor &q, const ScoreTensors &score, const BatchInts &ints);

/** The inputs of a dense call, from `params` to `qqBias`. */
struct DenseInputs {
  Call<AttnParams> call;
  Tensor words, uploaded, q, k, v;
  ScoreTensors score;

  explicit DenseInputs(Op &op);

  int64_t tokens() const { return q.dim(call.header.order == kBnsh ? 2 : 1); }
  /** Checks everything that kernels take for granted of them. */
  AttnOperands checked(Machine &machine) const;
  /** Axes of the output but the last. */
  std::vector<int64_t> rows() const;
};

}  // namespace tfjs_attention
#endif

#include <climits>
#include "ops.h"

namespace tfjs_attention {

/** Two states [T, N, Hv] and [T, N] merged; sinks [N] or empty. */
void merge_states(Op &op) {
  Tensor outA = op.input(0, kFloat, "outputA"), lseA = op.input(1, kFloat, "lseA");
  Tensor outB = op.input(2, kFloat, "outputB"), lseB = op.input(3, kFloat, "lseB");
  Tensor sinks = op.input(4, kFloat, "sinks");
  if (outA.rank() != 3) refuse("outputA is %s, not [T, N, Hv]", outA.shape().c_str());
  int64_t tokens = outA.dim(0), heads = outA.dim(1), size = outA.dim(2);
  if (tokens > INT_MAX || heads > INT_MAX || size > INT_MAX || (heads > 0 && tokens > UINT_MAX / heads)) {
    refuse("outputA is %s: too large", outA.shape().c_str());
  }
  if (outB.count() != outA.count()) refuse("outputB is %s, outputA %s", outB.shape().c_str(), outA.shape().c_str());
  for (const Tensor *lse : {&lseA, &lseB}) {
    if (lse->count() != tokens * heads) refuse("an lse is %s for %s", lse->shape().c_str(), outA.shape().c_str());
  }
  if (!sinks.empty() && sinks.count() != heads) refuse("sinks is %s, not [N]", sinks.shape().c_str());
  Tensor output = op.output(0, kFloat, {tokens, heads, size}), lse = op.output(1, kFloat, {tokens, heads});
  if (lse.empty()) return;
  op.machine().merge_states({outA.data<float>(), lseA.data<float>(), outB.data<float>(), lseB.data<float>(),
                             sinks.data<float>(), output.data<float>(), lse.data<float>(), static_cast<int>(tokens),
                             static_cast<int>(heads), static_cast<int>(size)});
}

}  // namespace tfjs_attention

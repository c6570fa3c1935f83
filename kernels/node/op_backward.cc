#include <algorithm>
#include "attention_inputs.h"
#include "ops.h"

namespace tfjs_attention {
namespace {

/** An operand that has a gradient. `wants` counts them in this order, which is that of GradientName in TypeScript. */
struct Differentiable {
  const char *name;
  /** Which flag says that the operand is there; 0 = always. */
  int feature;
  const Tensor &operand;
  float *AttnGradients::*gradient;
};

/** An operand of the forward call's results, as long as `rows` times `lanes`. */
const float *rows_of(const Tensor &tensor, const char *name, const std::vector<int64_t> &rows, int64_t lanes) {
  int64_t wanted = rows[0] * rows[1] * rows[2] * lanes;
  if (tensor.count() != wanted) {
    refuse("%s has %lld elements, not %lld", name, static_cast<long long>(tensor.count()),
           static_cast<long long>(wanted));
  }
  return tensor.data<float>();
}

}  // namespace

void backward(Op &op) {
  DenseInputs inputs(op);
  const AttnParams &p = inputs.call.params;
  Tensor out = op.input(11, kFloat, "out"), lse = op.input(12, kFloat, "lse");
  Tensor dout = op.input(13, kFloat, "dout"), dlse = op.input(14, kFloat, "dlse");
  Tensor wants = op.input(15, kInt32, "wants");
  AttnOperands o = inputs.checked(op.machine());
  const std::vector<int64_t> rows = inputs.rows();
  AttnGradients g = {};
  // Kernels have one struct for both ways, and only read these two here.
  o.out = const_cast<float *>(rows_of(out, "out", rows, p.valueHeadSize));
  o.lse = const_cast<float *>(rows_of(lse, "lse", rows, 1));
  g.dout = rows_of(dout, "dout", rows, p.valueHeadSize);
  g.dlse = rows_of(dlse, "dlse", rows, 1);
  const Differentiable table[] = {
      {"q", 0, inputs.q, &AttnGradients::dq},
      {"k", 0, inputs.k, &AttnGradients::dk},
      {"v", 0, inputs.v, &AttnGradients::dv},
      {"bias", FEATURE_BIAS, inputs.score.bias, &AttnGradients::dbias},
      {"alibiSlopes", FEATURE_ALIBI, inputs.score.alibiSlopes, &AttnGradients::dalibiSlopes},
      {"qqBias", FEATURE_QQ_BIAS, inputs.score.qqBias, &AttnGradients::dqqBias},
  };
  constexpr int kOperands = sizeof table / sizeof *table;
  if (wants.count() != op.outputs() || wants.count() > kOperands) {
    refuse("wants has %lld entries for %d gradients", static_cast<long long>(wants.count()), op.outputs());
  }
  for (int i = 0, seen = 0; i < op.outputs(); i++) {
    int want = wants.data<int>()[i];
    if (want < 0 || want >= kOperands || (seen & 1 << want)) refuse("wants[%d] is %d", i, want);
    if (table[want].feature && !(p.flags & table[want].feature)) refuse("there is no %s", table[want].name);
    seen |= 1 << want;
  }
  for (int i = 0; i < op.outputs(); i++) {
    const Differentiable &row = table[wants.data<int>()[i]];
    Tensor gradient = op.output(i, kFloat, row.operand.dims());
    g.*row.gradient = gradient.data<float>();
    std::fill_n(g.*row.gradient, gradient.count(), 0.0f);
  }
  if (out.empty()) return;
  if (attn_gradients(kernels(), &p, &o, &g, op.threads(inputs.call.header.threads)) != 0) throw std::bad_alloc();
}

}  // namespace tfjs_attention

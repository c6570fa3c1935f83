#include "attention_inputs.h"
#include "cache_layout.h"
#include "ops.h"

namespace tfjs_attention {
namespace {

void attend(Op &op, const Call<AttnParams> &call, AttnOperands &o, const Tensor &out, const Tensor *lse) {
  o.out = out.data<float>();
  o.lse = lse ? lse->data<float>() : nullptr;
  if (out.empty()) return;
  bool packed = call.header.order == kPacked;
  op.machine().attention(call.params, o, packed ? static_cast<int>(out.dim(0)) : 0, call.header);
}

/** The output, and the lse with the output's axes but the last where it is asked for. */
void attend(Op &op, const Call<AttnParams> &call, AttnOperands &o, const std::vector<int64_t> &rows) {
  std::vector<int64_t> dims = rows;
  dims.push_back(call.params.valueHeadSize);
  Tensor out = op.output(0, kFloat, dims);
  if (op.outputs() < 2) return attend(op, call, o, out, nullptr);
  Tensor lse = op.output(1, kFloat, rows);
  attend(op, call, o, out, &lse);
}

void check_outputs(const Op &op) {
  if (op.outputs() > 2) refuse("num_lse must be 0 or 1");
}

}  // namespace

void prefill(Op &op) {
  check_outputs(op);
  DenseInputs inputs(op);
  AttnOperands o = inputs.checked(op.machine());
  attend(op, inputs.call, o, inputs.rows());
}

void paged(Op &op) {
  check_outputs(op);
  Call<AttnParams> call = read_call<AttnParams>(op, 0);
  const AttnParams &p = call.params;
  Tensor words = op.input(1, kInt32, "ints"), uploaded = op.input(2, kInt32, "deviceInts");
  Tensor q = op.input(3, kFloat, "q"), cache = op.input(4, kFloat, "cache");
  ScoreTensors score(op, 5);
  if (q.rank() != 3) refuse("q is %s, not of rank 3", q.shape().c_str());
  AttentionExtents extents = extents_of(q.dim(0), q, score);
  extents.numBlocks = call.header.numBlocks;
  extents.valueInKey = call.header.cacheBits & kValueInKey;
  CacheLayout layout = lay_out_cache({call.header.numBlocks, p.blockSize, p.numKvHeads, p.headSize,
                                      extents.valueInKey ? 0 : p.valueHeadSize, p.kvDtype});
  CacheData data = cache_data(cache, layout);
  BatchInts ints = read_ints(words);
  check_params(p, call.header.order, extents);
  check_ints(p, ints, extents);

  AttnOperands o = operands_of(q, score, ints_on(op.machine(), ints, words, uploaded));
  o.k = data.key();
  o.kHeadScales = data.key_head_scales(call.header.cacheBits);
  o.kTokenScales = data.key_token_scales();
  o.v = extents.valueInKey ? o.k : data.value();
  o.vHeadScales = extents.valueInKey ? o.kHeadScales : data.value_head_scales(call.header.cacheBits);
  o.vTokenScales = extents.valueInKey ? o.kTokenScales : data.value_token_scales();
  attend(op, call, o, {extents.tokens, p.numHeads});
}

}  // namespace tfjs_attention

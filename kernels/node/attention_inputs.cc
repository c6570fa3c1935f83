#include "attention_inputs.h"

namespace tfjs_attention {

ScoreTensors::ScoreTensors(Op &op, int first)
    : bias(op.input(first, kFloat, "bias")),
      mask(op.input(first + 1, kBool, "mask")),
      alibiSlopes(op.input(first + 2, kFloat, "alibiSlopes")),
      sinks(op.input(first + 3, kFloat, "sinks")),
      qqBias(op.input(first + 4, kFloat, "qqBias")) {}

AttentionExtents extents_of(int64_t tokens, const Tensor &q, const ScoreTensors &score) {
  AttentionExtents e = {};
  e.tokens = tokens;
  e.q = {"q", q.count()};
  e.bias = {"bias", score.bias.count()};
  e.mask = {"mask", score.mask.count()};
  e.alibiSlopes = {"alibiSlopes", score.alibiSlopes.count()};
  e.sinks = {"sinks", score.sinks.count()};
  e.qqBias = {"qqBias", score.qqBias.count()};
  return e;
}

AttnOperands operands_of(const Tensor &q, const ScoreTensors &score, const BatchInts &ints) {
  AttnOperands o = {};
  o.q = q.data<float>();
  o.bias = score.bias.data<float>();
  o.mask = score.mask.data<unsigned char>();
  o.queryStartLoc = ints.queryStartLoc.data;
  o.seqLens = ints.seqLens.data;
  o.queryOffsets = ints.queryOffsets.data;
  o.blockTables = ints.blockTables.data;
  o.causalFlags = ints.causalFlags.data;
  o.rswaPrefixLens = ints.rswaPrefixLens.data;
  o.mmRanges = ints.mmRanges.data;
  o.dropout = ints.dropout.data;
  o.alibiSlopes = score.alibiSlopes.data<float>();
  o.sinks = score.sinks.data<float>();
  o.qqBias = score.qqBias.data<float>();
  return o;
}

DenseInputs::DenseInputs(Op &op)
    : call(read_call<AttnParams>(op, 0)),
      words(op.input(1, kInt32, "ints")),
      uploaded(op.input(2, kInt32, "deviceInts")),
      q(op.input(3, kFloat, "q")),
      k(op.input(4, kFloat, "k")),
      v(op.input(5, kFloat, "v")),
      score(op, 6) {
  if (q.rank() != 4) refuse("q is %s, not of rank 4", q.shape().c_str());
}

AttnOperands DenseInputs::checked(Machine &machine) const {
  AttentionExtents extents = extents_of(tokens(), q, score);
  extents.k = {"k", k.count()};
  extents.v = {"v", v.count()};
  BatchInts ints = read_ints(words);
  check_params(call.params, call.header.order, extents);
  check_ints(call.params, ints, extents);
  AttnOperands o = operands_of(q, score, ints_on(machine, ints, words, uploaded));
  o.k = k.data<float>();
  o.v = v.data<float>();
  return o;
}

std::vector<int64_t> DenseInputs::rows() const {
  int64_t heads = call.params.numHeads;
  if (call.header.order == kBnsh) return {call.params.numSeqs, heads, tokens()};
  return {call.params.numSeqs, tokens(), heads};
}

}  // namespace tfjs_attention

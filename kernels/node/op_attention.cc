#include "attention_checks.h"
#include "cache_layout.h"
#include "ops.h"

namespace tfjs_attention {
namespace {

/** The operands that dense and paged attention share, in the order of the op table. */
struct ScoreTensors {
  Tensor bias, mask, alibiSlopes, sinks, qqBias;

  ScoreTensors(Op &op, int first)
      : bias(op.input(first, kFloat, "bias")),
        mask(op.input(first + 1, kBool, "mask")),
        alibiSlopes(op.input(first + 2, kFloat, "alibiSlopes")),
        sinks(op.input(first + 3, kFloat, "sinks")),
        qqBias(op.input(first + 4, kFloat, "qqBias")) {}
};

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

void attend(Op &op, const Call<AttnParams> &call, AttnOperands &o, const Tensor &out, const Tensor *lse) {
  o.out = out.data<float>();
  o.lse = lse ? lse->data<float>() : nullptr;
  if (out.empty()) return;
  if (attn_attention(kernels(), &call.params, &o, op.threads(call.header.threads)) != 0) throw std::bad_alloc();
}

/** The output, and the lse with the output's axes but the last where it is asked for. */
void attend(Op &op, const Call<AttnParams> &call, AttnOperands &o, int64_t batch, int64_t outer, int64_t inner) {
  bool dense = call.header.order != kPacked;
  int64_t size = call.params.valueHeadSize;
  Tensor out = dense ? op.output(0, kFloat, {batch, outer, inner, size}) : op.output(0, kFloat, {outer, inner, size});
  if (op.outputs() < 2) return attend(op, call, o, out, nullptr);
  Tensor lse = dense ? op.output(1, kFloat, {batch, outer, inner}) : op.output(1, kFloat, {outer, inner});
  attend(op, call, o, out, &lse);
}

void check_outputs(const Op &op) {
  if (op.outputs() > 2) refuse("num_lse must be 0 or 1");
}

}  // namespace

void prefill(Op &op) {
  check_outputs(op);
  Call<AttnParams> call = read_call<AttnParams>(op, 0);
  Tensor words = op.input(1, kInt32, "ints");
  Tensor q = op.input(2, kFloat, "q"), k = op.input(3, kFloat, "k"), v = op.input(4, kFloat, "v");
  ScoreTensors score(op, 5);
  if (q.rank() != 4) refuse("q is %s, not of rank 4", q.shape().c_str());
  int tokenAxis = call.header.order == kBnsh ? 2 : 1;
  AttentionExtents extents = extents_of(q.dim(tokenAxis), q, score);
  extents.k = {"k", k.count()};
  extents.v = {"v", v.count()};
  BatchInts ints = read_ints(words);
  check_params(call.params, call.header.order, extents);
  check_ints(call.params, ints, extents);

  AttnOperands o = operands_of(q, score, ints);
  o.k = k.data<float>();
  o.v = v.data<float>();
  int64_t tokens = extents.tokens, heads = call.params.numHeads;
  if (call.header.order == kBsnh) attend(op, call, o, call.params.numSeqs, tokens, heads);
  else attend(op, call, o, call.params.numSeqs, heads, tokens);
}

void paged(Op &op) {
  check_outputs(op);
  Call<AttnParams> call = read_call<AttnParams>(op, 0);
  const AttnParams &p = call.params;
  Tensor words = op.input(1, kInt32, "ints");
  Tensor q = op.input(2, kFloat, "q"), cache = op.input(3, kFloat, "cache");
  ScoreTensors score(op, 4);
  if (q.rank() != 3) refuse("q is %s, not of rank 3", q.shape().c_str());
  AttentionExtents extents = extents_of(q.dim(0), q, score);
  extents.numBlocks = call.header.numBlocks;
  CacheLayout layout = lay_out_cache(
      {call.header.numBlocks, p.blockSize, p.numKvHeads, p.headSize, p.valueHeadSize, p.kvDtype});
  CacheData data = cache_data(cache, layout);
  BatchInts ints = read_ints(words);
  check_params(p, call.header.order, extents);
  check_ints(p, ints, extents);

  AttnOperands o = operands_of(q, score, ints);
  o.k = data.key();
  o.v = data.value();
  o.kHeadScales = data.key_head_scales(call.header.headScales);
  o.vHeadScales = data.value_head_scales(call.header.headScales);
  o.kTokenScales = data.key_token_scales();
  o.vTokenScales = data.value_token_scales();
  attend(op, call, o, 1, extents.tokens, p.numHeads);
}

}  // namespace tfjs_attention

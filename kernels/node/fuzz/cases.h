// Op calls as the TypeScript package makes them, at random; and what may befall them on the way.
#ifndef TFJS_ATTENTION_NODE_FUZZ_CASES_H
#define TFJS_ATTENTION_NODE_FUZZ_CASES_H
#include "call.h"
#include "mock_tf.h"
#include "random.h"

namespace tfjs_attention {

struct FuzzCase {
  int op;
  std::vector<FuzzTensor> inputs;
  int outputs;
};

/** A call that its op must carry out. */
FuzzCase draw_case(Random &random);

/** Breaks it: a word of the params or ints, the length, shape or type of a tensor. It may stay valid by chance. */
void corrupt(FuzzCase &fuzzed, Random &random);

/** Makers of cases, shared by the files that draw them. */
int op_named(const std::string &name);
FuzzTensor floats(Random &random, std::vector<int64_t> dims);
FuzzTensor words(const std::vector<int> &values);
template <typename Params>
FuzzTensor call_words(const Call<Params> &call) {
  std::vector<int> values(sizeof call / 4);
  std::memcpy(values.data(), &call, sizeof call);
  return words(values);
}
/** A params tensor's cache shape and a cache of it, full of arbitrary bytes. */
Call<CacheParams> draw_cache(Random &random);
FuzzTensor cache_tensor(Random &random, const Call<CacheParams> &call);

FuzzCase draw_attention(Random &random, bool paged);
FuzzCase draw_backward(Random &random);

}  // namespace tfjs_attention
#endif

// Floating point as the language has it, for the length of a scope.
#ifndef TFJS_ATTENTION_NODE_PLAIN_FLOATS_H
#define TFJS_ATTENTION_NODE_PLAIN_FLOATS_H
#include <cfenv>

namespace tfjs_attention {

/** TensorFlow runs kernels with subnormal numbers flushed to zero; stored codes and scales may be subnormal. */
class PlainFloats {
 public:
  PlainFloats() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~PlainFloats() { std::fesetenv(&saved_); }
  PlainFloats(const PlainFloats &) = delete;

 private:
  std::fenv_t saved_;
};

}  // namespace tfjs_attention
#endif

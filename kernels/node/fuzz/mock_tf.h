// A TensorFlow of a few lines: tensors in buffers of exactly their size, so that AddressSanitizer sees the first byte
// that an op touches beyond one.
#ifndef TFJS_ATTENTION_NODE_FUZZ_MOCK_TF_H
#define TFJS_ATTENTION_NODE_FUZZ_MOCK_TF_H
#include <cstdint>
#include <memory>
#include <string>
#include <vector>
#include "tf_api.h"

namespace tfjs_attention {

/** An input as a case has it; `bytes` need not be what the dims say. */
struct FuzzTensor {
  int type;
  std::vector<int64_t> dims;
  std::vector<unsigned char> bytes;
};

/** How an op ended. */
struct Outcome {
  int code = kOk;
  std::string message;
  /** Bytes of each output that was asked for. */
  std::vector<std::vector<unsigned char>> outputs;
  /** Inputs afterwards: some ops write into them. */
  std::vector<std::vector<unsigned char>> inputs;
};

/** Points `tf` at the mock. */
void use_mock_tensorflow();

/** Runs row `op` of the op table. */
Outcome run_mock(int op, const std::vector<FuzzTensor> &inputs, int outputs);

}  // namespace tfjs_attention
#endif

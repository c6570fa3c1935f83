#include "gpu_stream.h"
#include <cstdio>
#include <cstdlib>
#include <string>
#include "op.h"
#include "tf_library.h"

namespace tfjs_attention {
namespace {

/** TFJS_ATTENTION_CUDA_STREAM, for tests: "own" does without TensorFlow's; "legacy" is stream 0, which races. */
enum class Choice { kTensorFlow, kOwn, kLegacy };

Choice choice() {
  static const Choice chosen = [] {
    const char *asked = std::getenv("TFJS_ATTENTION_CUDA_STREAM");
    const std::string name = asked ? asked : "";
    return name == "own" ? Choice::kOwn : name == "legacy" ? Choice::kLegacy : Choice::kTensorFlow;
  }();
  return chosen;
}

/** One for the process: calls on it are in order. */
void *own_stream(const CudaApi &cuda) {
  static void *const stream = [&] {
    void *made = nullptr;
    if (int error = cuda.stream_create(&made)) throw OpError{kInternal, cuda.error_text(error)};
    std::fprintf(stderr,
                 "tfjs-attention: TensorFlow's CUDA stream is not used, so every call of attention waits for the GPU "
                 "before and after\n");
    return made;
  }();
  return stream;
}

}  // namespace

GpuStream::GpuStream(const CudaApi &cuda, TF_OpKernelContext *context) : cuda_(cuda) {
  if (choice() == Choice::kLegacy) return;
  if (choice() == Choice::kTensorFlow) stream_ = gpu_stream(context);
  if (stream_) return;
  own_ = true;
  stream_ = own_stream(cuda);
  if (int error = cuda.wait_device()) throw OpError{kInternal, cuda.error_text(error)};
}

}  // namespace tfjs_attention

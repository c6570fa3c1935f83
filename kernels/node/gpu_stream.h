// The CUDA stream of an op's call.
#ifndef TFJS_ATTENTION_NODE_GPU_STREAM_H
#define TFJS_ATTENTION_NODE_GPU_STREAM_H
#include "cuda_library.h"
#include "tf_api.h"

namespace tfjs_attention {

/**
 * TensorFlow's compute stream where it can be had: all ops of a device are in order there, so nothing waits. Elsewhere
 * a stream of our own, with the host waiting for the device before a call and for the stream after it.
 */
class GpuStream {
 public:
  GpuStream(const CudaApi &cuda, TF_OpKernelContext *context);

  /** A cudaStream_t. */
  void *get() const { return stream_; }
  bool own() const { return own_; }
  /** To be called once work is in the stream, while its operands are held. A cudaError_t. */
  int settle() const { return own_ ? cuda_.wait(stream_) : 0; }

 private:
  const CudaApi &cuda_;
  void *stream_ = nullptr;
  bool own_ = false;
};

}  // namespace tfjs_attention
#endif

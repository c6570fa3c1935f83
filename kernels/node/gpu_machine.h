// A GPU as a machine: the CUDA kernels on TensorFlow's stream. Nothing here waits for the GPU, but see GpuStream.
#ifndef TFJS_ATTENTION_NODE_GPU_MACHINE_H
#define TFJS_ATTENTION_NODE_GPU_MACHINE_H
#include "gpu_stream.h"
#include "machine.h"

namespace tfjs_attention {

class GpuMachine : public Machine {
 public:
  GpuMachine(const CudaLibrary &library, TF_OpKernelContext *context);

  const int *ints(const Ints &host, const int *uploaded) override;
  void attention(const AttnParams &p, const AttnOperands &o, int tokens, const CallHeader &header) override;
  void merge_states(const MergeOperands &m) override;
  void cache_write(const CacheParams &p, const CacheOperands &o, const CallHeader &header) override;
  void cache_gather(const CacheParams &p, const CacheOperands &o, const CallHeader &header) override;
  void encode_fp8(const float *x, int *codes, size_t count, Conversion conversion) override;
  void decode_fp8(const int *codes, float *x, size_t count, Conversion conversion) override;
  void zero(void *to, size_t bytes) override;
  void copy(void *to, const void *from, size_t bytes) override;
  void upload(void *to, const void *host, size_t bytes) override;
  int64_t memory() override;
  std::vector<int> describe() override;

 private:
  /** Memory of TensorFlow's until the op ends; later ops of the stream may have it then. */
  void *scratch(size_t bytes);
  void check(int error) const;
  /** The same for a launch, which it settles. */
  void launched(int error) const;

  const CudaLibrary &library_;
  const CudaApi &cuda_;
  TF_OpKernelContext *context_;
  GpuStream stream_;
  std::vector<Tensor> held_;
};

}  // namespace tfjs_attention
#endif

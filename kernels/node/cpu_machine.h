// The processor's kernels as a machine.
#ifndef TFJS_ATTENTION_NODE_CPU_MACHINE_H
#define TFJS_ATTENTION_NODE_CPU_MACHINE_H
#include <memory>
#include "machine.h"

namespace tfjs_attention {

class CpuMachine : public Machine {
 public:
  explicit CpuMachine(TF_OpKernelContext *context) : context_(context) {}

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
  TF_OpKernelContext *context_;
};

std::unique_ptr<Machine> cpu_machine(TF_OpKernelContext *context);

}  // namespace tfjs_attention
#endif

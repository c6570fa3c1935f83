#include "gpu_machine.h"
#include <cstdint>

namespace tfjs_attention {

GpuMachine::GpuMachine(const CudaLibrary &library, TF_OpKernelContext *context)
    : library_(library), cuda_(library.api), context_(context), stream_(library.api, context) {}

void *GpuMachine::scratch(size_t bytes) {
  held_.push_back(temporary(context_, bytes));
  return held_.back().data<char>();
}

void GpuMachine::check(int error) const {
  if (error != 0) throw OpError{kInternal, std::string("CUDA: ") + cuda_.error_text(error)};
}

void GpuMachine::launched(int error) const {
  check(error);
  check(stream_.settle());
}

const int *GpuMachine::ints(const Ints &host, const int *uploaded) {
  if (uploaded || host.count == 0) return uploaded;
  size_t bytes = static_cast<size_t>(host.count) * sizeof(int);
  void *copied = scratch(bytes);
  upload(copied, host.data, bytes);
  return static_cast<const int *>(copied);
}

void GpuMachine::attention(const AttnParams &p, const AttnOperands &o, int tokens, const CallHeader &header) {
  CudaOptions options = {};
  options.precision = header.precision;
  options.path = CUDA_PATH_AUTO;
  options.qDtype = options.outDtype = KV_FLOAT32;
  options.numTokens = tokens;
  options.stream = stream_.get();
  if (cuda_.path(&p, &options) < 0) refuse("the CUDA kernels do not take this problem (flags %d)", p.flags);
  options.workspaceBytes = cuda_.workspace_bytes(&p, &options);
  if (options.workspaceBytes > 0) options.workspace = scratch(options.workspaceBytes);
  launched(cuda_.attention(&p, &o, &options));
}

void GpuMachine::merge_states(const MergeOperands &m) {
  launched(cuda_.merge_states(m.outA, m.lseA, m.outB, m.lseB, m.sinks, m.out, m.lse, m.tokens, m.heads, m.size,
                              stream_.get()));
}

void GpuMachine::cache_write(const CacheParams &p, const CacheOperands &o, const CallHeader &) {
  launched(cuda_.cache_write(&p, &o, stream_.get()));
}

void GpuMachine::cache_gather(const CacheParams &p, const CacheOperands &o, const CallHeader &) {
  launched(cuda_.cache_gather(&p, &o, stream_.get()));
}

void GpuMachine::encode_fp8(const float *x, int *codes, size_t count, Conversion conversion) {
  if (count == 0) return;
  auto *bytes = static_cast<unsigned char *>(scratch(count));
  check(cuda_.fp8_encode(x, bytes, count, conversion.scale, conversion.dtype, stream_.get()));
  launched(cuda_.widen(bytes, codes, count, stream_.get()));
}

void GpuMachine::decode_fp8(const int *codes, float *x, size_t count, Conversion conversion) {
  if (count == 0) return;
  auto *bytes = static_cast<unsigned char *>(scratch(count));
  check(cuda_.narrow(codes, bytes, count, stream_.get()));
  launched(cuda_.fp8_decode(bytes, x, count, conversion.scale, conversion.dtype, stream_.get()));
}

void GpuMachine::zero(void *to, size_t bytes) { launched(cuda_.zero(to, bytes, stream_.get())); }

void GpuMachine::copy(void *to, const void *from, size_t bytes) {
  if (to != from) launched(cuda_.copy(to, from, bytes, stream_.get()));
}

void GpuMachine::upload(void *to, const void *host, size_t bytes) {
  launched(cuda_.upload(to, host, bytes, stream_.get()));
}

int64_t GpuMachine::memory() { return static_cast<int64_t>(library_.device.bytes); }

std::vector<int> GpuMachine::describe() {
  const CudaDevice &device = library_.device;
  unsigned flags = 0;
  check(cuda_.stream_flags(stream_.get(), &flags));
  uint64_t handle = reinterpret_cast<uint64_t>(stream_.get());
  return {0,
          static_cast<int>(device.bytes >> 20),
          device.major,
          device.minor,
          stream_.own(),
          static_cast<int>(flags),
          static_cast<int>(handle & 0xffffffff),
          static_cast<int>(handle >> 32)};
}

}  // namespace tfjs_attention

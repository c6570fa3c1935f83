// The CUDA kernels: a library of their own that lies beside the addon where it was built, so that the addon needs
// neither CUDA nor a driver.
#ifndef TFJS_ATTENTION_NODE_CUDA_LIBRARY_H
#define TFJS_ATTENTION_NODE_CUDA_LIBRARY_H
#include <string>
#include "cuda/attention.h"
#include "node/cuda/runtime.h"

namespace tfjs_attention {

// X(name without attn_cuda_)
#define TFJS_ATTENTION_CUDA_API(X)                                                                            \
  X(path) X(workspace_bytes) X(attention) X(merge_states) X(cache_write) X(cache_gather) X(fp8_encode)         \
  X(fp8_decode) X(device) X(error_text) X(zero) X(copy) X(upload) X(narrow) X(widen) X(stream_create)          \
  X(stream_flags) X(wait_device) X(wait)

/** `cuda.attention` is attn_cuda_attention, and so on. */
struct CudaApi {
#define TFJS_ATTENTION_MEMBER(name) decltype(&attn_cuda_##name) name;
  TFJS_ATTENTION_CUDA_API(TFJS_ATTENTION_MEMBER)
#undef TFJS_ATTENTION_MEMBER
};

struct CudaLibrary {
  CudaApi api;
  /** Of the GPU; empty where there is none. */
  CudaDevice device;
  /** Why its kernels cannot run here; empty where they can. `api` is there unless the library itself is missing. */
  std::string absence;
  bool loaded;
};

/** Opens the library at the first call. */
const CudaLibrary &cuda_library();

}  // namespace tfjs_attention
#endif

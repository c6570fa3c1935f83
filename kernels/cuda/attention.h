// The CUDA kernels as a C library. Pointers are device memory; parameters are the structs of abi.h. Every call is
// asynchronous on its stream, allocates nothing, and returns a cudaError_t.
#ifndef TFJS_ATTENTION_CUDA_ATTENTION_H
#define TFJS_ATTENTION_CUDA_ATTENTION_H
#include <stddef.h>
#include "../abi.h"

#ifdef __cplusplus
extern "C" {
#endif

/** In what the two matrix products compute; sums and softmax are float32 always. */
enum CudaPrecision {
  /** Error within twice that of plain float32 multiply-adds. */
  CUDA_FLOAT32 = 0,
  /** Operands of 11 significant bits: scaled float16 where a kernel has it, else as CUDA_FLOAT32. */
  CUDA_TENSORFLOAT32 = 1,
  CUDA_BFLOAT16 = 2,
  CUDA_FLOAT16 = 3,
};

/** Which kernels may serve a call. */
enum CudaPath {
  /** The fastest that takes the problem on this device. */
  CUDA_PATH_AUTO = 0,
  /** Plain float32 multiply-adds: every problem, any device. */
  CUDA_PATH_PLAIN = 1,
  /** mma.sync and cp.async: compute capability 8.0 and newer; few query rows over stored keys, and prefill. */
  CUDA_PATH_MMA = 2,
  /** TMA and wgmma: compute capability 9.0 alone. */
  CUDA_PATH_HOPPER = 3,
};

typedef struct {
  int precision;
  int path;
  /** KV_FLOAT32, KV_FLOAT16 or KV_BFLOAT16: what `q` and `out` point at. */
  int qDtype, outDtype;
  /** Query tokens of a packed batch, queryStartLoc's last entry; 0 = numSeqs * maxQueryLen. */
  int numTokens;
  /** Bytes at `workspace`, as attn_cuda_workspace_bytes counted them. */
  void *workspace;
  size_t workspaceBytes;
  /** A cudaStream_t. */
  void *stream;
} CudaOptions;

/** Which path serves the call: CUDA_PATH_PLAIN, _MMA or _HOPPER; negative where the one asked for cannot. */
int attn_cuda_path(const AttnParams *params, const CudaOptions *options);
size_t attn_cuda_workspace_bytes(const AttnParams *params, const CudaOptions *options);
int attn_cuda_attention(const AttnParams *params, const AttnOperands *operands, const CudaOptions *options);

/** Merges two states of `[tokens, heads, size]` and `[tokens, heads]`; `sinks` and `lse` may be null. */
int attn_cuda_merge_states(const float *outA, const float *lseA, const float *outB, const float *lseB,
                           const float *sinks, float *out, float *lse, int tokens, int heads, int size, void *stream);

int attn_cuda_cache_write(const CacheParams *params, const CacheOperands *operands, void *stream);
int attn_cuda_cache_gather(const CacheParams *params, const CacheOperands *operands, void *stream);
/** Copies blocks of `blockBytes` bytes: pairs `[count, 2]` (from, to) in device memory, all read before any is written
 * only if no block is both; swaps between memories are the host's cudaMemcpyAsync. */
int attn_cuda_copy_blocks(void *cache, const int *pairs, int count, size_t blockBytes, void *stream);
int attn_cuda_fp8_encode(const float *x, unsigned char *out, size_t count, float scale, int dtype, void *stream);
int attn_cuda_fp8_decode(const unsigned char *x, float *out, size_t count, float scale, int dtype, void *stream);

#ifdef __cplusplus
}
#endif
#endif

// What ops need of CUDA beside the kernels of cuda/attention.h. As there: pointers are device memory unless they say
// otherwise, every call is asynchronous on its stream, and returns a cudaError_t.
#ifndef TFJS_ATTENTION_NODE_CUDA_RUNTIME_H
#define TFJS_ATTENTION_NODE_CUDA_RUNTIME_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The GPU that this process sees first, which is the one that tfjs-node-gpu takes. */
typedef struct {
  char name[256];
  /** Compute capability. */
  int major, minor;
  size_t bytes;
} CudaDevice;

/** Of the driver alone: no memory is taken. Not asynchronous. */
int attn_cuda_device(CudaDevice *device);
const char *attn_cuda_error_text(int error);

int attn_cuda_zero(void *to, size_t bytes, void *stream);
int attn_cuda_copy(void *to, const void *from, size_t bytes, void *stream);
/** From pageable host memory, which may change once the call has returned. */
int attn_cuda_upload(void *to, const void *host, size_t bytes, void *stream);
int attn_cuda_narrow(const int *from, unsigned char *to, size_t count, void *stream);
int attn_cuda_widen(const unsigned char *from, int *to, size_t count, void *stream);

/** A stream that waits for no other; with `cudaStreamGetFlags` of any. */
int attn_cuda_stream_create(void **stream);
int attn_cuda_stream_flags(void *stream, unsigned *flags);
/** These two wait on the host: for everything on the device, for one stream. */
int attn_cuda_wait_device(void);
int attn_cuda_wait(void *stream);

#ifdef __cplusplus
}
#endif
#endif

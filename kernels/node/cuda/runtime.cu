#include "runtime.h"
#include <cstdio>

namespace {

constexpr int THREADS = 256;

template <typename From, typename To>
__global__ void convert(const From *from, To *to, size_t count) {
  size_t step = (size_t)gridDim.x * THREADS;
  for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < count; i += step) to[i] = (To)from[i];
}

template <typename From, typename To>
int launch_convert(const From *from, To *to, size_t count, void *stream) {
  if (count == 0) return cudaSuccess;
  size_t blocks = (count + THREADS - 1) / THREADS;
  convert<<<blocks < 4096 ? (unsigned)blocks : 4096, THREADS, 0, (cudaStream_t)stream>>>(from, to, count);
  return cudaGetLastError();
}

}  // namespace

extern "C" {

int attn_cuda_device(CudaDevice *device) {
  cudaDeviceProp found;
  cudaError_t error = cudaGetDeviceProperties(&found, 0);
  if (error != cudaSuccess) {
    // Or the next launch would report it.
    cudaGetLastError();
    return error;
  }
  std::snprintf(device->name, sizeof device->name, "%s", found.name);
  device->major = found.major;
  device->minor = found.minor;
  device->bytes = found.totalGlobalMem;
  return cudaSuccess;
}

const char *attn_cuda_error_text(int error) { return cudaGetErrorString((cudaError_t)error); }

int attn_cuda_zero(void *to, size_t bytes, void *stream) {
  return cudaMemsetAsync(to, 0, bytes, (cudaStream_t)stream);
}

int attn_cuda_copy(void *to, const void *from, size_t bytes, void *stream) {
  return cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, (cudaStream_t)stream);
}

int attn_cuda_upload(void *to, const void *host, size_t bytes, void *stream) {
  return cudaMemcpyAsync(to, host, bytes, cudaMemcpyHostToDevice, (cudaStream_t)stream);
}

int attn_cuda_narrow(const int *from, unsigned char *to, size_t count, void *stream) {
  return launch_convert(from, to, count, stream);
}

int attn_cuda_widen(const unsigned char *from, int *to, size_t count, void *stream) {
  return launch_convert(from, to, count, stream);
}

int attn_cuda_stream_create(void **stream) {
  return cudaStreamCreateWithFlags((cudaStream_t *)stream, cudaStreamNonBlocking);
}

int attn_cuda_stream_flags(void *stream, unsigned *flags) {
  return cudaStreamGetFlags((cudaStream_t)stream, flags);
}

int attn_cuda_wait_device(void) { return cudaDeviceSynchronize(); }

int attn_cuda_wait(void *stream) { return cudaStreamSynchronize((cudaStream_t)stream); }

}  // extern "C"

#include "decode_launch.cuh"

cudaError_t decode_launch_float16(const Launch &c, bool exact, cudaStream_t stream) {
  return launch_exact<KV_FLOAT16>(c, exact, stream);
}

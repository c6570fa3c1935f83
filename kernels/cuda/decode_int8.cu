#include "decode_launch.cuh"

cudaError_t decode_launch_int8(const Launch &c, bool exact, cudaStream_t stream) {
  return launch_exact<KV_INT8>(c, exact, stream);
}

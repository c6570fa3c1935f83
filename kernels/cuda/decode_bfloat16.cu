#include "decode_launch.cuh"

cudaError_t decode_launch_bfloat16(const Launch &c, bool exact, cudaStream_t stream) {
  return launch_exact<KV_BFLOAT16>(c, exact, stream);
}

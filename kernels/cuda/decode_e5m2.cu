#include "decode_launch.cuh"

cudaError_t decode_launch_e5m2(const Launch &c, bool exact, cudaStream_t stream) {
  return launch_exact<KV_FP8_E5M2>(c, exact, stream);
}

#include "decode_launch.cuh"

cudaError_t decode_launch_e4m3(const Launch &c, bool exact, cudaStream_t stream) {
  return launch_exact<KV_FP8_E4M3>(c, exact, stream);
}

#include "hopper_launch.cuh"

cudaError_t hopper_launch_float16(const Launch &c, const PrefillPlan &plan, char *workspace,
                                  cudaStream_t stream) {
  return hopper_launch_narrow<true, false>(c, plan, workspace, stream);
}

#include "hopper_launch.cuh"

cudaError_t hopper_launch_bfloat16(const Launch &c, const PrefillPlan &plan, char *workspace,
                                   cudaStream_t stream) {
  return hopper_launch_narrow<false, false>(c, plan, workspace, stream);
}

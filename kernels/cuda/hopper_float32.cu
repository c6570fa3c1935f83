#include "hopper_launch.cuh"

cudaError_t hopper_launch_float32(const Launch &c, const PrefillPlan &plan, char *workspace,
                                  cudaStream_t stream) {
  return hopper_launch_units<2, false>(c, plan, workspace, stream);
}

#include "hopper_launch.cuh"

cudaError_t hopper_launch_float32_scored(const Launch &c, const PrefillPlan &plan, char *workspace,
                                         cudaStream_t stream) {
  return hopper_launch_units<2, true>(c, plan, workspace, stream);
}

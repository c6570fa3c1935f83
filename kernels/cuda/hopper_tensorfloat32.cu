#include "hopper_launch.cuh"

cudaError_t hopper_launch_tensorfloat32(const Launch &c, const PrefillPlan &plan, char *workspace,
                                        cudaStream_t stream) {
  return hopper_launch_units<1, false>(c, plan, workspace, stream);
}

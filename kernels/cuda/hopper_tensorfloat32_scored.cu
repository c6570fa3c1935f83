// Eleven bits of a score bear a tanh with an absolute error of 2e-7.
#define SCORE_TANH tanh_fast
#include "hopper_launch.cuh"

cudaError_t hopper_launch_tensorfloat32_scored(const Launch &c, const PrefillPlan &plan, char *workspace,
                                               cudaStream_t stream) {
  return hopper_launch_units<1, true>(c, plan, workspace, stream);
}

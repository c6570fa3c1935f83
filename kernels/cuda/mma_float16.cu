// Sixteen-bit scores bear a tanh with an absolute error of 2e-7.
#define SCORE_TANH tanh_fast
#include "mma_launch.cuh"

cudaError_t mma_launch_float16(const Launch &c, const PrefillPlan &plan, char *workspace, cudaStream_t stream) {
  return mma_launch<Form<1, true, false>>(c, plan, workspace, stream);
}

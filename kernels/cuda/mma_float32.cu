#include "mma_launch.cuh"

cudaError_t mma_launch_float32(const Launch &c, const PrefillPlan &plan, char *workspace, cudaStream_t stream) {
  return mma_launch<Form<2, true, true>>(c, plan, workspace, stream);
}

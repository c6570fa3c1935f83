// Prefill on tensor cores: stages operands that the kernel cannot read, launches, computes anew what was marked.
#include "launch.h"
#include "stage.cuh"

namespace {

template <class F>
cudaError_t stage(const Launch &c, const PrefillPlan &plan, char *workspace, cudaStream_t stream) {
  if (plan.stagesQuery) {
    StageQuery s = {c.p, c.o.q, c.qDtype, plan.head, plan.queryTokens, c.o.queryStartLoc != nullptr,
                    (unsigned short *)(workspace + plan.query), (float *)(workspace + plan.queryUnits)};
    int rows = plan.queryTokens * c.p.numHeads, warps = STAGE_THREADS / 32;
    stage_query<F><<<(rows + warps - 1) / warps, STAGE_THREADS, 0, stream>>>(s);
  }
  if (plan.stagesKeys) {
    StageKeys s = {c.p, c.o, plan.head, plan.keyTiles, (unsigned short *)(workspace + plan.keys),
                   (float *)(workspace + plan.keyUnits)};
    dim3 grid(plan.keyTiles, c.p.numSeqs * c.p.numKvHeads, 2);
    stage_keys<F><<<grid, STAGE_THREADS, 0, stream>>>(s);
  }
  return cudaGetLastError();
}

PrefillLaunch *hopper_kernel(const PrefillPlan &plan) {
  if (plan.parts == 2) return plan.scored ? hopper_launch_float32_scored : hopper_launch_float32;
  if (plan.units) return plan.scored ? hopper_launch_tensorfloat32_scored : hopper_launch_tensorfloat32;
  if (plan.half) return plan.scored ? hopper_launch_float16_scored : hopper_launch_float16;
  return plan.scored ? hopper_launch_bfloat16_scored : hopper_launch_bfloat16;
}

PrefillLaunch *mma_kernel(const PrefillPlan &plan) {
  return plan.units ? mma_launch_float32 : plan.half ? mma_launch_float16 : mma_launch_bfloat16;
}

}  // namespace

cudaError_t prefill_launch(Launch c, const PrefillPlan &plan, int path, char *workspace, cudaStream_t stream) {
  c.redo = (int *)(workspace + plan.redo);
  c.redoTiles = plan.redoTiles;
  cudaError_t error = plan.parts == 2 ? stage<Form<2, true, true>>(c, plan, workspace, stream)
                      : plan.units    ? stage<Form<1, true, true>>(c, plan, workspace, stream)
                      : plan.half     ? stage<Form<1, true, false>>(c, plan, workspace, stream)
                                      : stage<Form<1, false, false>>(c, plan, workspace, stream);
  if (error != cudaSuccess) return error;
  error = (path == CUDA_PATH_HOPPER ? hopper_kernel(plan) : mma_kernel(plan))(c, plan, workspace, stream);
  return error != cudaSuccess ? error : plain_launch(c, stream);
}

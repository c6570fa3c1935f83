// The Hopper path: stages operands that the copy engine cannot read, launches, computes anew what was marked.
#include "launch.h"
#include "stage.cuh"

namespace {

template <int PARTS, bool HALF>
cudaError_t stage(const Launch &c, const HopperPlan &plan, char *workspace, cudaStream_t stream) {
  if (plan.stagesQuery) {
    StageQuery s = {c.p, c.o.q, c.qDtype, plan.head, plan.queryTokens, c.o.queryStartLoc != nullptr,
                    (unsigned short *)(workspace + plan.query), (float *)(workspace + plan.queryUnits)};
    int rows = plan.queryTokens * c.p.numHeads, warps = STAGE_THREADS / 32;
    stage_query<PARTS, HALF><<<(rows + warps - 1) / warps, STAGE_THREADS, 0, stream>>>(s);
  }
  if (plan.stagesKeys) {
    StageKeys s = {c.p, c.o, plan.head, plan.keyTiles, (unsigned short *)(workspace + plan.keys),
                   (float *)(workspace + plan.keyUnits)};
    dim3 grid(plan.keyTiles, c.p.numSeqs * c.p.numKvHeads, 2);
    stage_keys<PARTS, HALF><<<grid, STAGE_THREADS, 0, stream>>>(s);
  }
  return cudaGetLastError();
}

}  // namespace

cudaError_t hopper_launch(Launch c, const HopperPlan &plan, char *workspace, cudaStream_t stream) {
  c.redo = (int *)(workspace + plan.redo);
  c.redoTiles = plan.redoTiles;
  cudaError_t error = plan.parts == 2 ? stage<2, true>(c, plan, workspace, stream)
                      : plan.half     ? stage<1, true>(c, plan, workspace, stream)
                                      : stage<1, false>(c, plan, workspace, stream);
  if (error != cudaSuccess) return error;
  auto launch = plan.parts == 2 ? hopper_launch_float32 : plan.half ? hopper_launch_float16 : hopper_launch_bfloat16;
  error = launch(c, plan, workspace, stream);
  return error != cudaSuccess ? error : plain_launch(c, stream);
}

// Launches one shape of the prefill kernel on mma.sync.
#ifndef TFJS_ATTENTION_CUDA_MMA_LAUNCH_CUH
#define TFJS_ATTENTION_CUDA_MMA_LAUNCH_CUH
#include "launch.h"
#include "mma_prefill.cuh"

namespace {

template <class S>
cudaError_t mma_launch_shape(const Launch &c, const PrefillPlan &plan, char *workspace, cudaStream_t stream) {
  MmaLaunch l = {prefill_work(c, plan, workspace, S::TOKENS)};
  size_t side = (size_t)c.p.numSeqs * c.p.numKvHeads * plan.keyTiles * STAGE_KEYS * plan.parts * plan.head;
  if (plan.stagesQuery) l.query = (unsigned short *)(workspace + plan.query);
  if (plan.stagesKeys) l.keys = (unsigned short *)(workspace + plan.keys), l.values = l.keys + side;
  auto kernel = mma_attention<S>;
  cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, S::SHARED);
  if (error != cudaSuccess) return error;
  if (l.w.tiles > 0) kernel<<<l.w.tiles, S::THREADS, S::SHARED, stream>>>(l);
  return cudaGetLastError();
}

template <class F>
cudaError_t mma_launch(const Launch &c, const PrefillPlan &plan, char *workspace, cudaStream_t stream) {
  switch (plan.head) {
    case 64:
      return mma_launch_shape<MmaShape<64, F>>(c, plan, workspace, stream);
    case 128:
      return mma_launch_shape<MmaShape<128, F>>(c, plan, workspace, stream);
    default:
      if constexpr (F::UNITS) return cudaErrorInvalidValue;
      else return mma_launch_shape<MmaShape<256, F>>(c, plan, workspace, stream);
  }
}

}  // namespace

#endif

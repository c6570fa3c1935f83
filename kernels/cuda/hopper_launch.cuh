// Launches one shape of the Hopper kernel.
#ifndef TFJS_ATTENTION_CUDA_HOPPER_LAUNCH_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_LAUNCH_CUH
#include "hopper.cuh"
#include "launch.h"
#include "tensor_map.cuh"

namespace {

/**
 * Query heads that are worked on together. Long rows: all, in the order of their cost, so that no block is left with a
 * long one at the end; blocks then walk the same keys at about the same time. Short rows: those of one KV head, whose
 * keys and values are read from memory once.
 */
inline int heads_at_once(const AttnParams &p, int rowTiles) {
  constexpr int LONG = 24;
  return rowTiles >= LONG ? p.numHeads * p.numSeqs : p.numHeads / p.numKvHeads;
}

template <class S, bool HALF>
cudaError_t hopper_launch_shape(const Launch &c, const HopperPlan &plan, char *workspace, cudaStream_t stream) {
  HopperLaunch h;
  h.c = c;
  bool paged = c.p.blockSize > 0 && !plan.stagesKeys;
  h.boxRows = paged && c.p.blockSize < S::KEYS ? c.p.blockSize : S::KEYS;
  if (plan.stagesKeys) {
    h.c.p.blockSize = 0;
    h.c.o.blockTables = nullptr;
  }
  if (!describe(query_tensor(c, plan, workspace), HALF, GROUP_TOKENS, &h.q) ||
      !describe(key_tensor(c, plan, workspace, false), HALF, h.boxRows, &h.k) ||
      !describe(key_tensor(c, plan, workspace, true), HALF, h.boxRows, &h.v)) {
    return cudaErrorInvalidValue;
  }
  h.rowTiles = (c.p.maxQueryLen + S::TOKENS - 1) / S::TOKENS;
  h.tiles = h.rowTiles * c.p.numHeads * c.p.numSeqs;
  h.headsAtOnce = heads_at_once(c.p, h.rowTiles);
  h.qUnits = (float *)(workspace + plan.queryUnits);
  h.kUnits = (float *)(workspace + plan.keyUnits);
  h.keyTiles = plan.keyTiles;
  h.vUnits = h.kUnits + (size_t)c.p.numSeqs * c.p.numKvHeads * plan.keyTiles;
  auto kernel = hopper_attention<S, HALF>;
  cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, S::SHARED);
  if (error != cudaSuccess) return error;
  int grid = h.tiles < c.multiprocessors ? h.tiles : c.multiprocessors;
  if (grid > 0) kernel<<<grid, S::THREADS, S::SHARED, stream>>>(h);
  return cudaGetLastError();
}

}  // namespace

#endif

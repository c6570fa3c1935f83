// Launches one shape of the Hopper kernel.
#ifndef TFJS_ATTENTION_CUDA_HOPPER_LAUNCH_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_LAUNCH_CUH
#include "hopper.cuh"
#include "launch.h"
#include "tensor_map.cuh"

namespace {

/**
 * Heads that are worked on together. Long rows: all, in the order of their cost, so that no block is left with a long
 * one at the end; blocks then walk the same keys at about the same time. Short rows: as many as fill part of the L2
 * cache, which mixes costly tiles with cheap ones.
 */
inline int heads_at_once(const AttnParams &p, const HopperPlan &plan, int rowTiles) {
  constexpr int LONG = 24;
  int group = p.numHeads / p.numKvHeads, most = p.numKvHeads * p.numSeqs;
  size_t bytes = (size_t)p.maxSeqLen * plan.head * plan.parts * 2 * 2, budget = 24u << 20;
  if (rowTiles >= LONG || bytes == 0) return group * most;
  int heads = (int)(budget / bytes);
  return group * (heads < 1 ? 1 : heads > most ? most : heads);
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
  h.headsAtOnce = heads_at_once(c.p, plan, h.rowTiles);
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

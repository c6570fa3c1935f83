// Launches of the plain path.
#include "launch.h"
#include "plain.cuh"

/** Blocks are (row tile, KV head and split, sequence); those past a sequence's rows leave at once. */
template <int TILE, int CHUNKS>
__global__ void __launch_bounds__(PLAIN_THREADS, 1) plain_attention(const __grid_constant__ Launch c) {
  extern __shared__ float4 memory[];
  int b = blockIdx.z, kvHead = blockIdx.y / c.splits, split = blockIdx.y % c.splits;
  Sequence s = sequence_at(&c.p, &c.o, b);
  int row = blockIdx.x * TILE;
  if (row >= s.rows) return;
  plain_tile<TILE, CHUNKS>(c, s, b, kvHead, row, split, (float *)memory);
}

/**
 * Computes anew what a fast kernel marked: there, an invisible value that is NaN or infinite met a weight of 0. Each
 * block looks through its share of the flags; a marked one stands for all heads of its group.
 */
template <int TILE, int CHUNKS>
__global__ void __launch_bounds__(PLAIN_THREADS, 1) plain_redo(const __grid_constant__ Launch c) {
  extern __shared__ float4 memory[];
  int count = c.p.numSeqs * c.p.numHeads * c.redoTiles, share = (count + gridDim.x - 1) / gridDim.x;
  int begin = blockIdx.x * share, end = mask_min(count, begin + share);
  launch_dependents();
  wait_for_launcher();
  for (int i = begin; i < end; i += PLAIN_THREADS) {
    int at = i + (int)threadIdx.x;
    if (!__syncthreads_or(at < end && c.redo[at])) continue;
    for (int flag = i; flag < mask_min(end, i + PLAIN_THREADS); flag++) {
      if (!c.redo[flag]) continue;
      int head = flag / c.redoTiles, b = head / c.p.numHeads;
      Sequence s = sequence_at(&c.p, &c.o, b);
      int row = flag % c.redoTiles * REDO_TOKENS * s.group, last = mask_min(row + REDO_TOKENS * s.group, s.rows);
      for (; row < last; row += TILE) {
        plain_tile<TILE, CHUNKS>(c, s, b, head % c.p.numHeads / s.group, row, 0, (float *)memory);
      }
    }
  }
}

template <int TILE, int CHUNKS>
static cudaError_t launch(const Launch &c, cudaStream_t stream) {
  int rows = c.p.maxQueryLen * (c.p.numHeads / c.p.numKvHeads);
  dim3 grid((rows + TILE - 1) / TILE, c.p.numKvHeads * c.splits, c.p.numSeqs);
  size_t bytes = plain_shared_bytes(c.p, TILE);
  auto kernel = c.redo ? plain_redo<TILE, CHUNKS> : plain_attention<TILE, CHUNKS>;
  cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
  if (error != cudaSuccess) return error;
  if (grid.x == 0 || grid.z == 0) return cudaSuccess;
  if (c.redo) {
    dim3 blocks(c.multiprocessors * 2);
    return launch_behind<plain_redo<TILE, CHUNKS>>(blocks, PLAIN_THREADS, bytes, stream, c);
  }
  kernel<<<grid, PLAIN_THREADS, bytes, stream>>>(c);
  return cudaGetLastError();
}

cudaError_t plain_launch(const Launch &c, cudaStream_t stream) {
  int size = c.p.headSize > c.p.valueHeadSize ? c.p.headSize : c.p.valueHeadSize;
  if (size <= 64) return launch<32, 2>(c, stream);
  if (size <= 256) return launch<32, 8>(c, stream);
  if (size <= 576) return launch<16, 18>(c, stream);
  return cudaErrorInvalidValue;
}

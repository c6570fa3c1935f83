// Joins states of the same rows over different keys, always in the order of the keys. One warp a row.
#include "launch.h"

#define MERGE_WARPS 4

/** Blocks are (MERGE_WARPS rows, KV head, sequence). A warp reads the states of 32 splits at a time. */
__global__ void __launch_bounds__(32 * MERGE_WARPS) combine_states(const __grid_constant__ Launch c) {
  int row = blockIdx.x * MERGE_WARPS + threadIdx.x / 32, kvHead = blockIdx.y, b = blockIdx.z, lane = threadIdx.x % 32;
  Sequence s = sequence_at(&c.p, &c.o, b);
  int size = c.p.valueHeadSize;
  wait_for_launcher();
  if (row >= s.rows) return;
  const float *first = state_at(c, 0, b, kvHead, row);
  address step = (address)(state_at(c, 1, b, kvHead, row) - first);
  float m = SOFTMAX_NONE, l = 0.0f;
  for (int i = lane; i < c.splits; i += 32) m = vf_max(m, first[i * step + size]);
  m = warp_max(m);
  float shift = softmax_shift(m);
  for (int i = lane; i < c.splits; i += 32) {
    const float *state = first + i * step + size;
    l = fmaf(state[1], softmax_rescale(state[0], shift), l);
  }
  SoftmaxResult result = softmax_finish(m, warp_sum(l), row_sink(&c.p, &c.o, row_head(&s, kvHead, row)));
  float factor = result.factor * value_scale(&c.p, &c.o, kvHead);
  address at = out_at(c, &s, b, kvHead, row);
  for (int d = lane; d - lane < size; d += 32) {
    float sum = 0.0f;
    for (int part = 0; part < c.splits; part += 32) {
      float share = part + lane < c.splits ? softmax_rescale(first[(part + lane) * step + size], shift) : 0.0f;
      int count = mask_min(32, c.splits - part);
#pragma unroll 8
      for (int i = 0; i < count; i++) {
        float weight = __shfl_sync(~0u, share, i), x = d < size ? first[(part + i) * step + d] : 0.0f;
        // A split without a visible key may hold anything.
        sum = weight != 0.0f ? fmaf(x, weight, sum) : sum;
      }
    }
    if (d < size) store_as(c.outDtype, c.o.out, at + d, sum * factor);
  }
  if (lane == 0) write_lse(c, &s, b, kvHead, row, result.lse);
}

cudaError_t combine_launch(const Launch &c, cudaStream_t stream) {
  int rows = c.p.maxQueryLen * (c.p.numHeads / c.p.numKvHeads);
  dim3 grid((rows + MERGE_WARPS - 1) / MERGE_WARPS, c.p.numKvHeads, c.p.numSeqs);
  return launch_behind(combine_states, grid, 32 * MERGE_WARPS, 0, stream, c);
}

/** An lse of +inf stands for no visible key in some libraries; so it does here. */
HOOK float merge_lse(float lse) { return lse == -SOFTMAX_NONE ? SOFTMAX_NONE : lse; }

__global__ void __launch_bounds__(32 * MERGE_WARPS)
    merge_states(const float *outA, const float *lseA, const float *outB, const float *lseB, const float *sinks,
                 float *out, float *lse, int rows, int heads, int size) {
  int row = blockIdx.x * MERGE_WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (row >= rows) return;
  float a = merge_lse(lseA[row]), b = merge_lse(lseB[row]), m = vf_max(a, b), shift = softmax_shift(m);
  float weightA = softmax_rescale(a, shift), weightB = softmax_rescale(b, shift);
  SoftmaxResult result = softmax_finish(m, weightA + weightB, sinks ? sinks[row % heads] : SOFTMAX_NONE);
  float shareA = weightA * result.factor, shareB = weightB * result.factor;
  for (int d = lane; d < size; d += 32) {
    address at = (address)row * size + d;
    float sum = shareA == 0.0f ? 0.0f : outA[at] * shareA;
    if (shareB != 0.0f) sum += outB[at] * shareB;
    out[at] = sum;
  }
  if (lse && lane == 0) lse[row] = result.lse;
}

extern "C" int attn_cuda_merge_states(const float *outA, const float *lseA, const float *outB, const float *lseB,
                                      const float *sinks, float *out, float *lse, int tokens, int heads, int size,
                                      void *stream) {
  int rows = tokens * heads;
  if (rows == 0) return cudaSuccess;
  merge_states<<<(rows + MERGE_WARPS - 1) / MERGE_WARPS, 32 * MERGE_WARPS, 0, (cudaStream_t)stream>>>(
      outA, lseA, outB, lseB, sinks, out, lse, rows, heads, size);
  return cudaGetLastError();
}

// Joins states of the same rows over different keys, always in the order of the keys. One warp a row.
#include "launch.h"

#define MERGE_WARPS 4

/** Splits whose states a warp reads before it uses the first. */
#define MERGE_ONCE 32

/** Blocks are (row, KV head, sequence), a warp 32 lanes of the value. */
__global__ void combine_states(const __grid_constant__ Launch c) {
  launch_dependents();
  wait_for_launcher();
  int row = blockIdx.x, kvHead = blockIdx.y, b = blockIdx.z, lane = threadIdx.x % 32, d = threadIdx.x;
  Sequence s = sequence_at(&c.p, &c.o, b);
  int size = c.p.valueHeadSize;
  if (row >= s.rows) return;
  float sink = row_sink(&c.p, &c.o, row_head(&s, kvHead, row)), scale = value_scale(&c.p, &c.o, kvHead);
  const float *first = state_at(c, 0, b, kvHead, row);
  address step = (address)(state_at(c, 1, b, kvHead, row) - first);
  float most = SOFTMAX_NONE, sum = 0.0f, l = 0.0f;
  for (int part = 0; part < c.splits; part += MERGE_ONCE) {
    const float *from = first + part * step;
    int count = mask_min(MERGE_ONCE, c.splits - part);
    float m = lane < count ? from[lane * step + size] : SOFTMAX_NONE;
    float share = lane < count ? from[lane * step + size + 1] : 0.0f, x[MERGE_ONCE];
    UNROLL for (int i = 0; i < MERGE_ONCE; i++) x[i] = i < count && d < size ? from[i * step + d] : 0.0f;
    float before = most;
    most = vf_max(most, warp_max(m));
    float shift = softmax_shift(most), rescale = softmax_rescale(before, shift), weight = softmax_rescale(m, shift);
    sum *= rescale;
    l = fmaf(l, rescale, warp_sum(share * weight));
    UNROLL for (int i = 0; i < MERGE_ONCE; i++) {
      float mine = __shfl_sync(~0u, weight, i);
      // A split without a visible key may hold anything.
      sum = mine != 0.0f ? fmaf(x[i], mine, sum) : sum;
    }
  }
  SoftmaxResult result = softmax_finish(most, l, sink);
  if (d < size) store_as(c.outDtype, c.o.out, out_at(c, &s, b, kvHead, row) + d, sum * (result.factor * scale));
  if (d == 0) write_lse(c, &s, b, kvHead, row, result.lse);
}

cudaError_t combine_launch(const Launch &c, cudaStream_t stream) {
  int rows = c.p.maxQueryLen * (c.p.numHeads / c.p.numKvHeads);
  dim3 grid(rows, c.p.numKvHeads, c.p.numSeqs);
  return launch_behind<combine_states>(grid, (c.p.valueHeadSize + 31) / 32 * 32, 0, stream, c);
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

// What the kernels of every path share: where results go, what a split leaves behind, reductions of a warp.
#ifndef TFJS_ATTENTION_CUDA_DEVICE_CUH
#define TFJS_ATTENTION_CUDA_DEVICE_CUH
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include "attention.h"
#include "rows.cuh"

/** One launch of an attention kernel. */
struct Launch {
  AttnParams p;
  AttnOperands o;
  int qDtype, outDtype;
  /** Parts that the visible keys of a row tile are cut into, and where their states go: see `state_at`. */
  int splits;
  float *partials;
  /** Null, or [B, N, redoTiles]: nonzero where REDO_TOKENS query tokens of a head met a number that is not finite. */
  int *redo;
  int redoTiles;
  /** Of the device: how many there are, and the shared memory that a block may have. */
  int multiprocessors, sharedBytes;
};

/** Query tokens that one redo flag speaks for. */
#define REDO_TOKENS 16

HOOK int launch_rows(const Launch &c) { return c.p.maxQueryLen * (c.p.numHeads / c.p.numKvHeads); }

/** State of a split's row: o [Hv], then m, then l. */
HOOK float *state_at(const Launch &c, int split, int b, int kvHead, int row) {
  address rows = (u32)launch_rows(c), at = ((address)(u32)split * c.p.numSeqs + b) * c.p.numKvHeads + kvHead;
  return c.partials + (at * rows + row) * ((u32)c.p.valueHeadSize + 2);
}

HOOK float load_as(int dtype, const void *from, address at) {
  switch (dtype) {
    case KV_FLOAT16:
      return __half2float(((const __half *)from)[at]);
    case KV_BFLOAT16:
      return __bfloat162float(((const __nv_bfloat16 *)from)[at]);
    default:
      return ((const float *)from)[at];
  }
}

HOOK void store_as(int dtype, void *to, address at, float x) {
  switch (dtype) {
    case KV_FLOAT16:
      ((__half *)to)[at] = __float2half_rn(x);
      return;
    case KV_BFLOAT16:
      ((__nv_bfloat16 *)to)[at] = __float2bfloat16_rn(x);
      return;
    default:
      ((float *)to)[at] = x;
  }
}

HOOK address query_at(const Launch &c, const Sequence *s, int b, int kvHead, int row) {
  return row_offset(s, b, kvHead, row, c.p.qStrideBatch, c.p.qStrideToken, c.p.qStrideHead);
}

HOOK address out_at(const Launch &c, const Sequence *s, int b, int kvHead, int row) {
  return row_offset(s, b, kvHead, row, c.p.outStrideBatch, c.p.outStrideToken, c.p.outStrideHead);
}

HOOK void write_lse(const Launch &c, const Sequence *s, int b, int kvHead, int row, float lse) {
  if (!c.o.lse) return;
  c.o.lse[row_offset(s, b, kvHead, row, c.p.lseStrideBatch, c.p.lseStrideToken, c.p.lseStrideHead)] = lse;
}

/** From products of stored numbers to scores; from weighted stored values to the output. */
HOOK float key_scale(const AttnParams *p, const AttnOperands *o, int kvHead) {
  return p->softmaxScale * kv_head_scale(o->kHeadScales, p->kScale, kvHead);
}
HOOK float value_scale(const AttnParams *p, const AttnOperands *o, int kvHead) {
  return kv_head_scale(o->vHeadScales, p->vScale, kvHead);
}

#define LOG2E 1.4426950408889634f
#define LN2 0.6931471805599453f

/** 2^x by the special function unit: within 2 units in the last place, 0 for -infinity, results below 2^-126 are 0. */
HOOK float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

HOOK float warp_max(float x) {
  UNROLL for (int step = 16; step > 0; step /= 2) x = vf_max(x, __shfl_xor_sync(~0u, x, step));
  return x;
}

HOOK float warp_sum(float x) {
  UNROLL for (int step = 16; step > 0; step /= 2) x += __shfl_xor_sync(~0u, x, step);
  return x;
}

/**
 * Lets the next kernel of the stream be brought up, which waits before it touches memory: it may be there before this
 * one has waited for the kernel ahead of it.
 */
HOOK void launch_dependents() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
HOOK void wait_for_launcher() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/** Keys of one split of a row tile, counted as they are seen. */
HOOK void split_keys(const MaskRange &range, int split, int splits, int step, int *begin, int *end) {
  int keys = mask_count(range), length = (keys + splits - 1) / splits;
  length = (length + step - 1) / step * step;
  *begin = mask_min(keys, split * length);
  *end = mask_min(keys, *begin + length);
}

#endif

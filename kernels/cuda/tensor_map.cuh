// Describes tensors to the copy engine.
#ifndef TFJS_ATTENTION_CUDA_TENSOR_MAP_CUH
#define TFJS_ATTENTION_CUDA_TENSOR_MAP_CUH
#include <cuda.h>
#include "device.cuh"
#include "prefill_plan.h"
#include "stage.cuh"

namespace {

/** 4-D tensor [block][head][token][lane] of 16-bit numbers; strides in elements. */
struct Tensor {
  const void *data;
  int lanes, tokens, heads, blocks;
  long long tokenStride, headStride, blockStride;
};

typedef decltype(&cuTensorMapEncodeTiled) Encode;

/** The driver's encoder, without linking to the driver. */
inline Encode encoder() {
  static Encode found = [] {
    void *entry = nullptr;
    cudaDriverEntryPointQueryResult result;
    cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &result);
    return (Encode)(result == cudaDriverEntryPointSuccess ? entry : nullptr);
  }();
  return found;
}

inline bool describe(const Tensor &t, bool half, int boxRows, CUtensorMap *map) {
  cuuint64_t sizes[4] = {(cuuint64_t)t.lanes, (cuuint64_t)t.tokens, (cuuint64_t)t.heads, (cuuint64_t)t.blocks};
  cuuint64_t strides[3] = {(cuuint64_t)t.tokenStride * 2, (cuuint64_t)t.headStride * 2, (cuuint64_t)t.blockStride * 2};
  cuuint32_t box[4] = {64, (cuuint32_t)boxRows, 1, 1}, steps[4] = {1, 1, 1, 1};
  // A dimension of one has a stride that nobody uses, but it must be legal.
  for (int i = 0; i < 3; i++) {
    if (sizes[i + 1] == 1) strides[i] = 16;
  }
  auto type = half ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
  return encoder() && encoder()(map, type, 4, const_cast<void *>(t.data), sizes, strides, box, steps,
                                CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

inline Tensor query_tensor(const Launch &c, const PrefillPlan &plan, char *workspace) {
  const AttnParams &p = c.p;
  int blocks = c.o.queryStartLoc ? 1 : p.numSeqs, tokens = plan.queryTokens / blocks;
  if (!plan.stagesQuery) {
    return {c.o.q, p.headSize, tokens, p.numHeads, blocks, p.qStrideToken, p.qStrideHead, p.qStrideBatch};
  }
  long long row = plan.parts * plan.head;
  return {workspace + plan.query, (int)row, tokens, p.numHeads, blocks, row * p.numHeads, row,
          row * p.numHeads * p.maxQueryLen};
}

inline Tensor key_tensor(const Launch &c, const PrefillPlan &plan, char *workspace, bool values) {
  const AttnParams &p = c.p;
  if (!plan.stagesKeys) {
    // A cache's number of blocks is not known here, and no table entry lies past it.
    int tokens = p.blockSize > 0 ? p.blockSize : p.maxSeqLen, blocks = p.blockSize > 0 ? 1 << 30 : p.numSeqs;
    if (values) {
      return {c.o.v, p.valueHeadSize, tokens, p.numKvHeads, blocks, p.vStrideToken, p.vStrideHead, p.vStrideBatch};
    }
    return {c.o.k, p.headSize, tokens, p.numKvHeads, blocks, p.kStrideToken, p.kStrideHead, p.kStrideBatch};
  }
  long long row = plan.parts * plan.head, keys = plan.keyTiles * (long long)STAGE_KEYS;
  long long side = keys * p.numKvHeads * p.numSeqs * row * (values ? 2 : 0);
  return {workspace + plan.keys + side, (int)row, (int)keys, p.numKvHeads, p.numSeqs, row, keys * row,
          keys * row * p.numKvHeads};
}

}  // namespace

#endif

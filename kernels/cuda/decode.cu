// Launches of the decode kernel.
#include "decode.cuh"
#include "launch.h"

namespace {

template <class S>
cudaError_t launch(const Launch &c, cudaStream_t stream) {
  int rows = c.p.maxQueryLen * (c.p.numHeads / c.p.numKvHeads);
  dim3 grid((rows + DECODE_ROWS - 1) / DECODE_ROWS * c.splits, c.p.numKvHeads, c.p.numSeqs);
  cudaError_t error =
      cudaFuncSetAttribute(decode_attention<S>, cudaFuncAttributeMaxDynamicSharedMemorySize, S::SHARED);
  if (error != cudaSuccess) return error;
  decode_attention<S><<<grid, S::THREADS, S::SHARED, stream>>>(c);
  return cudaGetLastError();
}

template <int DTYPE>
cudaError_t launch_sizes(const Launch &c, cudaStream_t stream) {
  constexpr int BYTES = DTYPE == KV_BFLOAT16 || DTYPE == KV_FLOAT16 ? 1 : 2;
  int size = c.p.headSize > c.p.valueHeadSize ? c.p.headSize : c.p.valueHeadSize;
  if (size <= 64) return launch<DecodeShape<64, DTYPE, 8, 4 * BYTES>>(c, stream);
  if (size <= 128) return launch<DecodeShape<128, DTYPE, 8, 2 * BYTES>>(c, stream);
  return launch<DecodeShape<256, DTYPE, 4, 2 * BYTES>>(c, stream);
}

}  // namespace

bool decode_takes(const AttnParams &p) {
  int unit = p.kvDtype == KV_FLOAT16 || p.kvDtype == KV_BFLOAT16 ? 8 : 16;
  auto even = [&](int stride) { return stride % unit == 0; };
  return p.kvDtype != KV_FLOAT32 && p.headSize <= 256 && p.valueHeadSize <= 256 && even(p.kStrideBatch) &&
         even(p.kStrideToken) && even(p.kStrideHead) && even(p.vStrideBatch) && even(p.vStrideToken) &&
         even(p.vStrideHead);
}

cudaError_t decode_launch(const Launch &c, cudaStream_t stream) {
  switch (c.p.kvDtype) {
    case KV_FLOAT16:
      return launch_sizes<KV_FLOAT16>(c, stream);
    case KV_BFLOAT16:
      return launch_sizes<KV_BFLOAT16>(c, stream);
    case KV_FP8_E5M2:
      return launch_sizes<KV_FP8_E5M2>(c, stream);
    case KV_INT8:
    case KV_INT8_PER_TOKEN_HEAD:
      return launch_sizes<KV_INT8>(c, stream);
    default:
      return launch_sizes<KV_FP8_E4M3>(c, stream);
  }
}

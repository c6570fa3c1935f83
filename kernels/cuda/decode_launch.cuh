// Launches the decode kernel for one stored type.
#ifndef TFJS_ATTENTION_CUDA_DECODE_LAUNCH_CUH
#define TFJS_ATTENTION_CUDA_DECODE_LAUNCH_CUH
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

/** More warps where a block may have 200 KB; else rings of about 130 KB, which fit from compute capability 8.0 on. */
template <class Wide, class Narrow>
cudaError_t launch_widest(const Launch &c, cudaStream_t stream) {
  if (c.sharedBytes >= Wide::SHARED) return launch<Wide>(c, stream);
  return launch<Narrow>(c, stream);
}

template <int DTYPE, bool EXACT>
cudaError_t launch_sizes(const Launch &c, cudaStream_t stream) {
  constexpr int STAGES = DTYPE != KV_BFLOAT16 && DTYPE != KV_FLOAT16 ? 4 : 2;
  int size = c.p.headSize > c.p.valueHeadSize ? c.p.headSize : c.p.valueHeadSize;
  if (size <= 64) return launch<DecodeShape<64, DTYPE, EXACT, 8, 2 * STAGES>>(c, stream);
  if (size <= 128) {
    using Narrow = DecodeShape<128, DTYPE, EXACT, 8, STAGES>;
    if constexpr (EXACT) return launch<Narrow>(c, stream);
    else return launch_widest<DecodeShape<128, DTYPE, EXACT, 12, STAGES == 4 ? 3 : 2>, Narrow>(c, stream);
  }
  return launch<DecodeShape<256, DTYPE, EXACT, 4, STAGES>>(c, stream);
}

template <int DTYPE>
cudaError_t launch_exact(const Launch &c, bool exact, cudaStream_t stream) {
  return exact ? launch_sizes<DTYPE, true>(c, stream) : launch_sizes<DTYPE, false>(c, stream);
}

}  // namespace

#endif

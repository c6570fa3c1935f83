// Launches the decode kernel for one stored type.
#ifndef TFJS_ATTENTION_CUDA_DECODE_LAUNCH_CUH
#define TFJS_ATTENTION_CUDA_DECODE_LAUNCH_CUH
#include "decode.cuh"
#include "launch.h"

namespace {

template <class S>
cudaError_t launch(const Launch &c, cudaStream_t stream) {
  static_assert(S::SHARED <= DECODE_SHARED, "a block finds room on every device of capability 8.0 and newer");
  auto kernel = decode_attention<S>;
  cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, S::SHARED);
  if (error != cudaSuccess) return error;
  int rows = c.p.maxQueryLen * (c.p.numHeads / c.p.numKvHeads);
  dim3 grid((rows + S::ROWS - 1) / S::ROWS * c.splits, c.p.numKvHeads, c.p.numSeqs);
  kernel<<<grid, S::THREADS, S::SHARED, stream>>>(c);
  return cudaGetLastError();
}

/** Rings of about 96 KB: two blocks find room in a Hopper multiprocessor. */
template <int DTYPE, bool EXACT>
cudaError_t launch_sizes(const Launch &c, cudaStream_t stream) {
  constexpr bool BYTES = DTYPE != KV_BFLOAT16 && DTYPE != KV_FLOAT16;
  int size = c.p.headSize > c.p.valueHeadSize ? c.p.headSize : c.p.valueHeadSize;
  if constexpr (!EXACT) {
    if (decode_rows(c.p, EXACT) == 16) {
      if (size <= 64) return launch<DecodeShape<64, DTYPE, EXACT, 2, 4, BYTES ? 5 : 6>>(c, stream);
      return launch<DecodeShape<128, DTYPE, EXACT, 2, 4, 3>>(c, stream);
    }
  }
  if (size <= 64) return launch<DecodeShape<64, DTYPE, EXACT, 1, 4, BYTES ? 5 : 6>>(c, stream);
  if (size <= 128) return launch<DecodeShape<128, DTYPE, EXACT, 1, 4, 3>>(c, stream);
  return launch<DecodeShape<256, DTYPE, EXACT, 1, BYTES ? 4 : 3, BYTES ? 3 : 2>>(c, stream);
}

template <int DTYPE>
cudaError_t launch_exact(const Launch &c, bool exact, cudaStream_t stream) {
  return exact ? launch_sizes<DTYPE, true>(c, stream) : launch_sizes<DTYPE, false>(c, stream);
}

}  // namespace

#endif

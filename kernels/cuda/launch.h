// The host's side of each path; attention.cu chooses among them.
#ifndef TFJS_ATTENTION_CUDA_LAUNCH_H
#define TFJS_ATTENTION_CUDA_LAUNCH_H
#include "device.cuh"
#include "prefill_plan.h"

/**
 * Launches a kernel that calls wait_for_launcher, before the kernel ahead of it in the stream has ended; after that
 * where its code was made from PTX of 8.0, which cannot wait.
 */
template <auto KERNEL, class Operand>
cudaError_t launch_behind(dim3 grid, int threads, size_t shared, cudaStream_t stream, const Operand &c) {
  static const bool waits = [] {
    cudaFuncAttributes found;
    return cudaFuncGetAttributes(&found, KERNEL) == cudaSuccess && found.ptxVersion >= 90;
  }();
  cudaLaunchAttribute early = {};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = grid;
  config.blockDim = dim3(threads);
  config.dynamicSmemBytes = shared;
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = waits ? 1 : 0;
  return cudaLaunchKernelEx(&config, KERNEL, c);
}

/** Where `c.redo` is set, computes marked tiles alone. */
cudaError_t plain_launch(const Launch &c, cudaStream_t stream);

/** A prefill kernel, after staging. */
typedef cudaError_t PrefillLaunch(const Launch &c, const PrefillPlan &plan, char *workspace, cudaStream_t stream);
PrefillLaunch hopper_launch_bfloat16, hopper_launch_float16, hopper_launch_tensorfloat32, hopper_launch_float32;
PrefillLaunch hopper_launch_bfloat16_scored, hopper_launch_float16_scored, hopper_launch_tensorfloat32_scored,
    hopper_launch_float32_scored;
PrefillLaunch mma_launch_bfloat16, mma_launch_float16, mma_launch_float32;
/** `path` is CUDA_PATH_HOPPER or CUDA_PATH_MMA. */
cudaError_t prefill_launch(Launch c, const PrefillPlan &plan, int path, char *workspace, cudaStream_t stream);

cudaError_t decode_launch_bfloat16(const Launch &c, bool exact, cudaStream_t stream);
cudaError_t decode_launch_float16(const Launch &c, bool exact, cudaStream_t stream);
cudaError_t decode_launch_e4m3(const Launch &c, bool exact, cudaStream_t stream);
cudaError_t decode_launch_e5m2(const Launch &c, bool exact, cudaStream_t stream);
cudaError_t decode_launch_int8(const Launch &c, bool exact, cudaStream_t stream);
bool decode_takes(const AttnParams &p, int sharedBytes);
/** Shared memory that a decode block may take. */
#define DECODE_SHARED 101376
/** Query rows of a block. */
int decode_rows(const AttnParams &p, bool exact);
/** `exact`: with float32's accuracy. */
cudaError_t decode_launch(const Launch &c, bool exact, cudaStream_t stream);
/** Merges the states of `c.splits` splits into the output. */
cudaError_t combine_launch(const Launch &c, cudaStream_t stream);

#endif

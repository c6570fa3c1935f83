// Launches one shape of the Hopper kernel.
#ifndef TFJS_ATTENTION_CUDA_HOPPER_LAUNCH_CUH
#define TFJS_ATTENTION_CUDA_HOPPER_LAUNCH_CUH
#include "hopper.cuh"
#include "launch.h"
#include "tensor_map.cuh"

namespace {

template <class S>
cudaError_t hopper_launch_shape(const Launch &c, const PrefillPlan &plan, char *workspace, cudaStream_t stream) {
  HopperLaunch h;
  h.w = prefill_work(c, plan, workspace, S::TOKENS);
  bool paged = h.w.c.p.blockSize > 0;
  h.boxRows = paged && c.p.blockSize < S::KEYS ? c.p.blockSize : S::KEYS;
  if (!describe(query_tensor(c, plan, workspace), S::HALF, GROUP_TOKENS, &h.q) ||
      !describe(key_tensor(c, plan, workspace, false), S::HALF, h.boxRows, &h.k) ||
      !describe(key_tensor(c, plan, workspace, true), S::HALF, h.boxRows, &h.v)) {
    return cudaErrorInvalidValue;
  }
  auto kernel = hopper_attention<S>;
  cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, S::SHARED);
  if (error != cudaSuccess) return error;
  int most = c.multiprocessors * S::BLOCKS, grid = h.w.tiles < most ? h.w.tiles : most;
  if (grid == 0) return cudaSuccess;
  return launch_behind<hopper_attention<S>>(dim3(grid), S::THREADS, S::SHARED, stream, h);
}

/** Up to so many tokens causal rows of head 64 go to small blocks, three a multiprocessor. */
constexpr int SHORT_TOKENS = 1024;

/** One 16-bit part; hooks need the registers that a third warpgroup would take. */
template <bool HALF, bool SCORED>
cudaError_t hopper_launch_narrow(const Launch &c, const PrefillPlan &plan, char *workspace, cudaStream_t stream) {
  using F = Form<1, HALF, false>;
  switch (plan.head) {
    case 64:
      if constexpr (SCORED) {
        return hopper_launch_shape<HopperShape<64, F, 2, 128, 4, 2, true, true>>(c, plan, workspace, stream);
      } else if (c.p.maxQueryLen <= SHORT_TOKENS && c.p.flags & FEATURE_CAUSAL) {
        return hopper_launch_shape<HopperShape<64, F, 1, 64, 4, 1, false, false, 3>>(c, plan, workspace, stream);
      } else {
        return hopper_launch_shape<HopperShape<64, F, 3, 128, 4, 2, true, false>>(c, plan, workspace, stream);
      }
    case 128:
      return hopper_launch_shape<HopperShape<128, F, 2, 128, 2, SCORED ? 1 : 2, true, SCORED>>(c, plan, workspace,
                                                                                               stream);
    default:
      return hopper_launch_shape<HopperShape<256, F, 2, 64, 2, 1, false, SCORED>>(c, plan, workspace, stream);
  }
}

/** Float16 parts with units. */
template <int PARTS, bool SCORED>
cudaError_t hopper_launch_units(const Launch &c, const PrefillPlan &plan, char *workspace, cudaStream_t stream) {
  using F = Form<PARTS, true, true>;
  if (plan.head == 64) {
    return hopper_launch_shape<HopperShape<64, F, 2, 64, 8 / PARTS, 2, true, SCORED>>(c, plan, workspace, stream);
  }
  return hopper_launch_shape<HopperShape<128, F, 2, 64, 4 / PARTS, 1, true, SCORED>>(c, plan, workspace, stream);
}

}  // namespace

#endif

// The Hopper kernels in bfloat16.
#include "hopper_launch.cuh"

/** Short rows would leave a third warpgroup with little to do. */
#define SHORT_TOKENS 1024

cudaError_t hopper_launch_bfloat16(const Launch &c, const HopperPlan &plan, char *workspace, cudaStream_t stream) {
  switch (plan.head) {
    case 64:
      if (c.p.maxQueryLen <= SHORT_TOKENS) {
        return hopper_launch_shape<HopperShape<64, 1, 2, 128, 2, 2, true>, false>(c, plan, workspace, stream);
      }
      return hopper_launch_shape<HopperShape<64, 1, 3, 128, 2, 2, true>, false>(c, plan, workspace, stream);
    case 128:
      return hopper_launch_shape<HopperShape<128, 1, 2, 128, 2, 2, true>, false>(c, plan, workspace, stream);
    default:
      return hopper_launch_shape<HopperShape<256, 1, 2, 64, 2, 1, false>, false>(c, plan, workspace, stream);
  }
}

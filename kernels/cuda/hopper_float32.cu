// The Hopper kernels with float32's accuracy: two float16 parts an operand.
#include "hopper_launch.cuh"

cudaError_t hopper_launch_float32(const Launch &c, const HopperPlan &plan, char *workspace, cudaStream_t stream) {
  if (plan.head == 64) {
    return hopper_launch_shape<HopperShape<64, 2, 2, 64, 2, 2, true>, true>(c, plan, workspace, stream);
  }
  return hopper_launch_shape<HopperShape<128, 2, 2, 64, 2, 1, true>, true>(c, plan, workspace, stream);
}

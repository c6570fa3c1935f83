// Kernels of the device "GPU": compiled in where the build has CUDA (gpu_none.cc stands in for them elsewhere).
#ifndef TFJS_ATTENTION_NODE_GPU_H
#define TFJS_ATTENTION_NODE_GPU_H

namespace tfjs_attention {

/** Why there are none, or null. */
const char *gpu_absence();

/** Registers them for the ops of the table; null, or what TensorFlow said against it. */
const char *register_gpu_kernels();

}  // namespace tfjs_attention
#endif

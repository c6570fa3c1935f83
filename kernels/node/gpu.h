// The device "GPU": its kernels are the library of cuda_library.h.
#ifndef TFJS_ATTENTION_NODE_GPU_H
#define TFJS_ATTENTION_NODE_GPU_H
#include <memory>
#include "machine.h"

namespace tfjs_attention {

/** Why its kernels cannot run here, or null. */
const char *gpu_absence();

/** What it is called; null where gpu_absence tells why not. */
const char *gpu_name();

/** Whether there is a library to register kernels of. */
bool has_gpu_kernels();

/** Throws OpError where there is no GPU. */
std::unique_ptr<Machine> gpu_machine(TF_OpKernelContext *context);

}  // namespace tfjs_attention
#endif

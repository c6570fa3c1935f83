#include "gpu.h"

namespace tfjs_attention {

const char *gpu_absence() { return "this addon was built without CUDA"; }

const char *register_gpu_kernels() { return nullptr; }

}  // namespace tfjs_attention

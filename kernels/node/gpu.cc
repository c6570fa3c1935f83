#include "gpu.h"
#include "gpu_machine.h"

namespace tfjs_attention {

const char *gpu_absence() {
  const std::string &absence = cuda_library().absence;
  return absence.empty() ? nullptr : absence.c_str();
}

const char *gpu_name() { return gpu_absence() ? nullptr : cuda_library().device.name; }

bool has_gpu_kernels() { return cuda_library().loaded; }

std::unique_ptr<Machine> gpu_machine(TF_OpKernelContext *context) {
  const CudaLibrary &library = cuda_library();
  if (!library.absence.empty()) throw OpError{kInternal, library.absence};
  return std::make_unique<GpuMachine>(library, context);
}

}  // namespace tfjs_attention

#include "cuda_library.h"
#ifdef __linux__
#include <dlfcn.h>
#include <unistd.h>
#endif

namespace tfjs_attention {
namespace {

/** PTX in the library is of this capability: newer GPUs are served, older are not. */
constexpr int kOldestMajor = 8;

#ifdef __linux__
const char *const kFile = "tfjs_attention_cuda.so";

/** Beside the library that this function is part of. */
std::string beside_addon() {
  Dl_info found;
  if (!dladdr(reinterpret_cast<const void *>(&cuda_library), &found) || !found.dli_fname) return kFile;
  std::string path = found.dli_fname;
  return path.substr(0, path.rfind('/') + 1) + kFile;
}

/** Empty, or why not. The handle is kept for good. */
std::string open_library(CudaApi *api) {
  std::string path = beside_addon();
  if (access(path.c_str(), R_OK) != 0) {
    return "this addon was built without CUDA (node scripts/build_addon.mjs --cuda in @tfjs-attention/backend-node "
           "builds it, with nvcc)";
  }
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return std::string("its CUDA kernels do not load: ") + dlerror();
#define TFJS_ATTENTION_FIND(name)                                                            \
  api->name = reinterpret_cast<decltype(api->name)>(dlsym(library, "attn_cuda_" #name));     \
  if (!api->name) return path + " has no attn_cuda_" #name ": it is of another version, build it again";
  TFJS_ATTENTION_CUDA_API(TFJS_ATTENTION_FIND)
#undef TFJS_ATTENTION_FIND
  return "";
}
#else
std::string open_library(CudaApi *) { return "there is no CUDA build for this system"; }
#endif

CudaLibrary find_library() {
  CudaLibrary library = {};
  library.absence = open_library(&library.api);
  library.loaded = library.absence.empty();
  if (!library.loaded) return library;
  CudaDevice &device = library.device;
  if (int error = library.api.device(&device)) {
    library.absence = std::string("CUDA finds no GPU: ") + library.api.error_text(error);
  } else if (device.major < kOldestMajor) {
    library.absence = std::string(device.name) + " has compute capability " + std::to_string(device.major) + "." +
                      std::to_string(device.minor) + ", the kernels need " + std::to_string(kOldestMajor) + ".0";
  }
  return library;
}

}  // namespace

const CudaLibrary &cuda_library() {
  static const CudaLibrary library = find_library();
  return library;
}

}  // namespace tfjs_attention

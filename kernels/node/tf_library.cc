#include "tf_library.h"
#include <vector>
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace tfjs_attention {

TfApi tf;

namespace {

#if defined(_WIN32)
const char *const kLibraries[] = {"tensorflow.dll", "tensorflow_cc.dll", "tensorflow_framework.dll"};
void *loaded_library(const char *name) { return reinterpret_cast<void *>(GetModuleHandleA(name)); }
void *symbol_of(void *library, const char *name) {
  return reinterpret_cast<void *>(GetProcAddress(static_cast<HMODULE>(library), name));
}
#else
#if defined(__APPLE__)
const char *const kLibraries[] = {"libtensorflow.2.dylib", "libtensorflow_cc.2.dylib",
                                  "libtensorflow_framework.2.dylib"};
#else
const char *const kLibraries[] = {"libtensorflow.so.2", "libtensorflow_cc.so.2", "libtensorflow_framework.so.2"};
#endif
#ifdef __APPLE__
/** Names as dyld knows them begin with @rpath. */
void *loaded_library(const char *name) {
  std::string at_rpath = std::string("@rpath/") + name;
  void *found = dlopen(at_rpath.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  return found ? found : dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
}
#else
void *loaded_library(const char *name) { return dlopen(name, RTLD_LAZY | RTLD_NOLOAD); }
#endif
void *symbol_of(void *library, const char *name) { return dlsym(library, name); }
#endif

/** Handles are kept for good: registered ops cannot be taken back. */
std::vector<void *> &libraries() {
  static std::vector<void *> found;
  return found;
}

}  // namespace

void *tensorflow_symbol(const char *name) {
  for (void *library : libraries()) {
    if (void *symbol = symbol_of(library, name)) return symbol;
  }
  return nullptr;
}

std::string find_tensorflow() {
  if (tf.Version) return "";
  libraries().clear();
  for (const char *name : kLibraries) {
    if (void *library = loaded_library(name)) libraries().push_back(library);
  }
  if (libraries().empty()) {
    return "no libtensorflow 2 is loaded in this process: import @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu first";
  }
  TfApi api;
#define TFJS_ATTENTION_FIND(result, name, parameters)                                          \
  api.name = reinterpret_cast<result(*) parameters>(tensorflow_symbol("TF_" #name));           \
  if (!api.name) return "the loaded libtensorflow has no TF_" #name ": it is too old or too new";
  TFJS_ATTENTION_TF_API(TFJS_ATTENTION_FIND)
#undef TFJS_ATTENTION_FIND
  tf = api;
  return "";
}

/**
 * OpKernelContext::eigen_device<ThreadPoolDevice>() is an exported specialisation that all third-party ops use; Eigen's
 * ThreadPoolDevice begins with its pool's address, then the number of threads.
 */
int intra_op_threads(TF_OpKernelContext *context) {
  using EigenDevice = const void *(*)(const void *context);
  static const auto eigen_device = reinterpret_cast<EigenDevice>(tensorflow_symbol(
      "_ZNK10tensorflow15OpKernelContext12eigen_deviceIN5Eigen16ThreadPoolDeviceEEERKT_v"));
  if (!eigen_device) return 0;
  struct ThreadPoolDevice {
    void *pool;
    int threads;
  };
  int threads = static_cast<const ThreadPoolDevice *>(eigen_device(context))->threads;
  return threads > 0 && threads <= 4096 ? threads : 0;
}

/**
 * The same accessor for GpuDevice, which begins with the address of Eigen's StreamInterface; its virtual functions begin
 * with two of the destructor, then comes the one that gives the stream. Called through the table by hand: of a class
 * declared here the compiler would know that nothing derives from it.
 */
void *gpu_stream(TF_OpKernelContext *context) {
  using EigenDevice = const void *const *(*)(const void *context);
  static const auto eigen_device = reinterpret_cast<EigenDevice>(
      tensorflow_symbol("_ZNK10tensorflow15OpKernelContext12eigen_deviceIN5Eigen9GpuDeviceEEERKT_v"));
  if (!eigen_device) return nullptr;
  const void *interface = *eigen_device(context);
  if (!interface) return nullptr;
  using Stream = void *const &(*)(const void *interface);
  constexpr int kStream = 2;
  const void *const *functions = *static_cast<const void *const *const *>(interface);
  return reinterpret_cast<Stream>(const_cast<void *>(functions[kStream]))(interface);
}

}  // namespace tfjs_attention

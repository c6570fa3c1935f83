// The addon as Node sees it. What it exports is declared in packages/backend-node/src/addon/addon.ts.
#define NAPI_VERSION 8
#include <node_api.h>
#include "call.h"
#include "ceiling.h"
#include "gpu.h"
#include "ops.h"
#include "register.h"
#include "tf_library.h"

namespace tfjs_attention {
namespace {

napi_value text_of(napi_env env, const std::string &text) {
  napi_value value;
  napi_create_string_utf8(env, text.c_str(), text.size(), &value);
  return value;
}

/** register(): TensorFlow's version. Throws the reason against it. */
napi_value register_all(napi_env env, napi_callback_info) {
  std::string refusal = register_ops();
  if (!refusal.empty()) {
    napi_throw_error(env, nullptr, refusal.c_str());
    return nullptr;
  }
  return text_of(env, tf.Version());
}

/** instructionSet(name?): the one in use; a name forces it for the process. Throws if it cannot be had. */
napi_value instruction_set(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  napi_valuetype type = napi_undefined;
  if (count > 0) napi_typeof(env, argument, &type);
  if (type == napi_string) {
    char name[32] = {0};
    napi_get_value_string_utf8(env, argument, name, sizeof name, nullptr);
    if (!use_kernels(name)) {
      napi_throw_error(env, nullptr, (std::string("no kernels for instruction set '") + name + "' here").c_str());
      return nullptr;
    }
  }
  return text_of(env, kernels()->name);
}

napi_value text_or_null(napi_env env, const char *text) {
  if (text) return text_of(env, text);
  napi_value nothing;
  napi_get_null(env, &nothing);
  return nothing;
}

napi_value absence_of_gpu(napi_env env, napi_callback_info) { return text_or_null(env, gpu_absence()); }

napi_value name_of_gpu(napi_env env, napi_callback_info) { return text_or_null(env, gpu_name()); }

void set(napi_env env, napi_value object, const char *name, napi_callback function) {
  napi_value value;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
  napi_set_named_property(env, object, name, value);
}

}  // namespace
}  // namespace tfjs_attention

NAPI_MODULE_INIT() {
  using namespace tfjs_attention;
  set(env, exports, "register", register_all);
  set(env, exports, "instructionSet", instruction_set);
  set(env, exports, "ceiling", ceiling);
  set(env, exports, "gpuAbsence", absence_of_gpu);
  set(env, exports, "gpuName", name_of_gpu);
  napi_value version;
  napi_create_int32(env, kWireVersion, &version);
  napi_set_named_property(env, exports, "wireVersion", version);
  return exports;
}

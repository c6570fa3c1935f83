#include <exception>
#include <new>
#include "ops.h"
#include "plain_floats.h"

namespace tfjs_attention {

// Parameters and integers never stand in attributes: TensorFlow keeps a kernel for every value of those.
const OpSpec kOps[kOpCount] = {
    {"TfjsAttnPrefill",
     "num_lse: int >= 0 = 0",
     {"params: int32", "ints: int32", "device_ints: int32", "q: float", "k: float", "v: float", "bias: float", "mask: bool",
      "alibi_slopes: float", "sinks: float", "qq_bias: float"},
     {"out: float", "lse: num_lse * float"},
     false,
     Kernels::kCpuAndGpu,
     prefill},
    {"TfjsAttnBackward",
     "num_gradients: int >= 0 = 0",
     {"params: int32", "ints: int32", "device_ints: int32", "q: float", "k: float", "v: float", "bias: float", "mask: bool",
      "alibi_slopes: float", "sinks: float", "qq_bias: float", "out: float", "lse: float", "dout: float",
      "dlse: float", "wants: int32"},
     {"gradients: num_gradients * float"},
     false,
     Kernels::kCpu,
     backward},
    {"TfjsAttnPaged",
     "num_lse: int >= 0 = 0",
     {"params: int32", "ints: int32", "device_ints: int32", "q: float", "cache: float", "bias: float", "mask: bool", "alibi_slopes: float",
      "sinks: float", "qq_bias: float"},
     {"out: float", "lse: num_lse * float"},
     true,
     Kernels::kCpuAndGpu,
     paged},
    {"TfjsAttnUploadInts", nullptr, {"ints: int32"}, {"device_ints: int32"}, false, Kernels::kCpuAndGpu, upload_ints},
    {"TfjsAttnCacheInit",
     nullptr,
     {"params: int32", "key_head_scales: float", "value_head_scales: float"},
     {"cache: float"},
     true,
     Kernels::kCpuAndGpu,
     cache_init},
    {"TfjsAttnReshapeAndCache",
     nullptr,
     {"params: int32", "ints: int32", "device_ints: int32", "k: float", "v: float", "cache: float"},
     {},
     true,
     Kernels::kCpuAndGpu,
     reshape_and_cache},
    {"TfjsAttnGatherCache",
     nullptr,
     {"params: int32", "slots: int32", "cache: float"},
     {"key: float", "value: float"},
     true,
     Kernels::kCpuAndGpu,
     gather_cache},
    {"TfjsAttnCopyBlocks", nullptr, {"params: int32", "pairs: int32", "cache: float"}, {}, true, Kernels::kCpuAndGpu, copy_blocks},
    {"TfjsAttnReadBlocks",
     nullptr,
     {"params: int32", "blocks: int32", "cache: float"},
     {"bytes: float"},
     true,
     Kernels::kCpuAndGpu,
     read_blocks},
    {"TfjsAttnWriteBlocks",
     nullptr,
     {"params: int32", "blocks: int32", "bytes: float", "cache: float"},
     {},
     true,
     Kernels::kCpuAndGpu,
     write_blocks},
    {"TfjsAttnMergeStates",
     nullptr,
     {"output_a: float", "lse_a: float", "output_b: float", "lse_b: float", "sinks: float"},
     {"output: float", "lse: float"},
     false,
     Kernels::kCpuAndGpu,
     merge_states},
    {"TfjsAttnEncodeFp8", nullptr, {"x: float", "scale: float", "dtype: int32"}, {"codes: int32"}, false, Kernels::kCpuAndGpu, encode_fp8},
    {"TfjsAttnDecodeFp8", nullptr, {"codes: int32", "scale: float", "dtype: int32"}, {"x: float"}, false, Kernels::kCpuAndGpu, decode_fp8},
    {"TfjsAttnDeviceInfo", nullptr, {}, {"info: int32"}, true, Kernels::kCpuAndGpu, device_info},
};

static void fail(TF_OpKernelContext *context, int code, const std::string &text) {
  TF_Status *status = tf.NewStatus();
  tf.SetStatus(status, code, text.c_str());
  tf.OpKernelContext_Failure(context, status);
  tf.DeleteStatus(status);
}

void run_op(const OpSpec &spec, TF_OpKernelContext *context, MakeMachine machine) {
  PlainFloats floats;
  try {
    std::unique_ptr<Machine> made = machine(context);
    Op op(spec.name, context, *made);
    spec.compute(op);
  } catch (const OpError &error) {
    fail(context, error.code, std::string(spec.name) + ": " + error.text);
  } catch (const std::bad_alloc &) {
    fail(context, kResourceExhausted, std::string(spec.name) + ": out of memory");
  } catch (const std::exception &error) {
    fail(context, kInternal, std::string(spec.name) + ": " + error.what());
  }
}

}  // namespace tfjs_attention

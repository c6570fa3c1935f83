#include "register.h"
#include <cstring>
#include <mutex>
#include <utility>
#include "cpu_machine.h"
#include "gpu.h"
#include "ops.h"
#include "tf_library.h"

namespace tfjs_attention {
namespace {

/** One function of TensorFlow's signature for each row of the table and machine. */
template <MakeMachine kMachine, int kRow>
void compute(void *, TF_OpKernelContext *context) {
  run_op(kOps[kRow], context, kMachine);
}

template <MakeMachine kMachine, int... kRows>
ComputeKernel compute_at(int row, std::integer_sequence<int, kRows...>) {
  static const ComputeKernel functions[] = {compute<kMachine, kRows>...};
  return functions[row];
}

/** Integers that ops read themselves, wherever they compute. */
const char *const kHostArguments[] = {"params", "ints", "slots", "pairs", "blocks", "scale", "dtype", "info"};

/** Calls visit(name) for each input or output of an op that lies in host memory. */
template <typename Visit>
void each_host_argument(const OpSpec &spec, Visit visit) {
  for (const char *const *list : {spec.inputs, spec.outputs}) {
    for (; *list; list++) {
      std::string name(*list, std::strcspn(*list, ":"));
      for (const char *host : kHostArguments) {
        if (name == host) visit(host);
      }
    }
  }
}

void unknown_shape(TF_ShapeInferenceContext *context, TF_Status *status) {
  tf.ShapeInferenceContextSetUnknownShape(context, status);
}

std::string take_message(TF_Status *status) {
  std::string text = tf.GetCode(status) == kOk ? "" : tf.Message(status);
  tf.DeleteStatus(status);
  return text;
}

std::string register_definition(const OpSpec &spec) {
  TF_OpDefinitionBuilder *builder = tf.NewOpDefinitionBuilder(spec.name);
  if (spec.attribute) tf.OpDefinitionBuilderAddAttr(builder, spec.attribute);
  for (const char *const *input = spec.inputs; *input; input++) tf.OpDefinitionBuilderAddInput(builder, *input);
  for (const char *const *output = spec.outputs; *output; output++) tf.OpDefinitionBuilderAddOutput(builder, *output);
  tf.OpDefinitionBuilderSetIsStateful(builder, spec.stateful);
  tf.OpDefinitionBuilderSetShapeInferenceFunction(builder, unknown_shape);
  TF_Status *status = tf.NewStatus();
  tf.RegisterOpDefinition(builder, status);
  return take_message(status);
}

std::string register_kernel(int row, const char *device, ComputeKernel function) {
  TF_KernelBuilder *builder = tf.NewKernelBuilder(kOps[row].name, device, nullptr, function, nullptr);
  each_host_argument(kOps[row], [&](const char *name) { tf.KernelBuilder_HostMemory(builder, name); });
  TF_Status *status = tf.NewStatus();
  tf.RegisterKernelBuilder(kOps[row].name, builder, status);
  return take_message(status);
}

std::string register_kernels(int row) {
  constexpr auto rows = std::make_integer_sequence<int, kOpCount>();
  std::string refusal = register_kernel(row, "CPU", compute_at<cpu_machine>(row, rows));
  if (!refusal.empty() || kOps[row].kernels == Kernels::kCpu || !has_gpu_kernels()) return refusal;
  return register_kernel(row, "GPU", compute_at<gpu_machine>(row, rows));
}

/** Whether another copy of this addon was here first: registering an op twice would end the process. */
bool already_registered() {
  TF_Buffer *list = tf.GetAllOpList();
  const std::string all(static_cast<const char *>(list->data), list->length);
  tf.DeleteBuffer(list);
  return all.find(kOps[0].name) != std::string::npos;
}

std::string register_all() {
  if (already_registered()) return "";
  for (int row = 0; row < kOpCount; row++) {
    std::string refusal = register_definition(kOps[row]);
    if (refusal.empty()) refusal = register_kernels(row);
    if (!refusal.empty()) return std::string("TensorFlow refuses ") + kOps[row].name + ": " + refusal;
  }
  return "";
}

}  // namespace

std::string register_ops() {
  static std::mutex lock;
  static bool done = false;
  static std::string outcome;
  std::lock_guard<std::mutex> held(lock);
  if (done) return outcome;
  std::string missing = find_tensorflow();
  if (!missing.empty()) return missing;
  done = true;
  outcome = register_all();
  return outcome;
}

}  // namespace tfjs_attention

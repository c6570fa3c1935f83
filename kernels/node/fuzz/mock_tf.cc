#include "mock_tf.h"
#include <cstdlib>
#include <cstring>
#include "cpu_machine.h"
#include "ops.h"
#include "tf_library.h"

/** Larger outputs are refused, as a TensorFlow that is out of memory refuses them. */
static const size_t kMostBytes = size_t{64} << 20;

struct TF_Status {
  int code = 0;
  std::string message;
};

struct Buffer {
  explicit Buffer(size_t size) : bytes(size), data(size > 0 ? std::malloc(size) : nullptr) {}
  Buffer(const Buffer &) = delete;
  ~Buffer() { std::free(data); }
  size_t bytes;
  void *data;
};

struct TF_Tensor {
  int type;
  std::vector<int64_t> dims;
  std::shared_ptr<Buffer> buffer;
};

struct TF_OpKernelContext {
  std::vector<TF_Tensor> inputs;
  std::vector<std::shared_ptr<Buffer>> outputs;
  TF_Status failure;
};

namespace tfjs_attention {

TfApi tf;

int intra_op_threads(TF_OpKernelContext *) { return 2; }

void use_mock_tensorflow() {
  tf.NewStatus = [] { return new TF_Status; };
  tf.DeleteStatus = [](TF_Status *status) { delete status; };
  tf.SetStatus = [](TF_Status *status, int code, const char *message) { *status = {code, message}; };
  tf.GetCode = [](const TF_Status *status) { return status->code; };
  tf.Message = [](const TF_Status *status) { return status->message.c_str(); };
  tf.DeleteTensor = [](TF_Tensor *tensor) { delete tensor; };
  tf.TensorData = [](const TF_Tensor *tensor) { return tensor->buffer->data; };
  tf.TensorByteSize = [](const TF_Tensor *tensor) { return tensor->buffer->bytes; };
  tf.NumDims = [](const TF_Tensor *tensor) { return static_cast<int>(tensor->dims.size()); };
  tf.Dim = [](const TF_Tensor *tensor, int axis) { return tensor->dims[static_cast<size_t>(axis)]; };
  tf.TensorType = [](const TF_Tensor *tensor) { return tensor->type; };
  tf.NumOutputs = [](TF_OpKernelContext *context) { return static_cast<int>(context->outputs.size()); };
  tf.GetInput = [](TF_OpKernelContext *context, int index, TF_Tensor **tensor, TF_Status *status) {
    if (static_cast<size_t>(index) >= context->inputs.size()) *status = {kInternal, "no such input"};
    else *tensor = new TF_Tensor(context->inputs[static_cast<size_t>(index)]);
  };
  tf.AllocateOutput = [](TF_OpKernelContext *context, int index, int type, const int64_t *dims, int rank, size_t bytes,
                         TF_Status *status) -> TF_Tensor * {
    if (bytes > kMostBytes || static_cast<size_t>(index) >= context->outputs.size()) {
      *status = {kResourceExhausted, "OOM"};
      return nullptr;
    }
    auto buffer = std::make_shared<Buffer>(bytes);
    context->outputs[static_cast<size_t>(index)] = buffer;
    return new TF_Tensor{type, std::vector<int64_t>(dims, dims + rank), buffer};
  };
  tf.OpKernelContext_Failure = [](TF_OpKernelContext *context, TF_Status *status) { context->failure = *status; };
}

static std::vector<unsigned char> bytes_of(const std::shared_ptr<Buffer> &buffer) {
  if (!buffer || !buffer->data) return {};
  const auto *first = static_cast<const unsigned char *>(buffer->data);
  return {first, first + buffer->bytes};
}

Outcome run_mock(int op, const std::vector<FuzzTensor> &inputs, int outputs) {
  TF_OpKernelContext context;
  context.outputs.resize(static_cast<size_t>(outputs));
  for (const FuzzTensor &input : inputs) {
    auto buffer = std::make_shared<Buffer>(input.bytes.size());
    if (buffer->data) std::memcpy(buffer->data, input.bytes.data(), input.bytes.size());
    context.inputs.push_back({input.type, input.dims, buffer});
  }
  run_op(kOps[op], &context, cpu_machine);
  Outcome outcome;
  outcome.code = context.failure.code;
  outcome.message = context.failure.message;
  for (const auto &output : context.outputs) outcome.outputs.push_back(bytes_of(output));
  for (const TF_Tensor &input : context.inputs) outcome.inputs.push_back(bytes_of(input.buffer));
  return outcome;
}

}  // namespace tfjs_attention

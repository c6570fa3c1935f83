#include "op.h"
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <thread>
#include "tf_library.h"

namespace tfjs_attention {

void refuse(const char *format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  throw OpError{kInvalidArgument, text};
}

namespace {

class Status {
 public:
  Status() : held_(tf.NewStatus()) {}
  ~Status() { tf.DeleteStatus(held_); }
  TF_Status *get() const { return held_; }
  void check() const {
    if (tf.GetCode(held_) != kOk) throw OpError{tf.GetCode(held_), tf.Message(held_)};
  }

 private:
  TF_Status *held_;
};

size_t width_of(int type) {
  switch (type) {
    case kFloat:
    case kInt32:
      return 4;
    default:
      return 1;
  }
}

std::atomic<const AttnKernels *> chosen{nullptr};

}  // namespace

int64_t Tensor::count() const {
  return static_cast<int64_t>(tf.TensorByteSize(held_) / width_of(tf.TensorType(held_)));
}

std::vector<int64_t> Tensor::dims() const {
  std::vector<int64_t> sizes;
  for (int axis = 0; axis < rank(); axis++) sizes.push_back(dim(axis));
  return sizes;
}

std::string Tensor::shape() const {
  std::string text;
  for (int64_t size : dims()) text += (text.empty() ? "[" : ", ") + std::to_string(size);
  return text.empty() ? "[]" : text + "]";
}

Tensor Op::input(int index, DataType type, const char *name) {
  Status status;
  TF_Tensor *held = nullptr;
  tf.GetInput(context_, index, &held, status.get());
  status.check();
  Tensor tensor(held);
  if (tf.TensorType(held) != type) refuse("%s has TensorFlow type %d, not %d", name, tf.TensorType(held), type);
  int64_t elements = 1;
  for (int64_t size : tensor.dims()) elements *= size;
  if (elements != tensor.count()) refuse("%s is %s, but its memory is not", name, tensor.shape().c_str());
  if (reinterpret_cast<uintptr_t>(tensor.data<char>()) % width_of(type) != 0) refuse("%s is not aligned", name);
  return tensor;
}

Tensor Op::output(int index, DataType type, const std::vector<int64_t> &dims) {
  Status status;
  size_t bytes = width_of(type);
  for (int64_t size : dims) bytes *= static_cast<size_t>(size);
  TF_Tensor *held =
      tf.AllocateOutput(context_, index, type, dims.data(), static_cast<int>(dims.size()), bytes, status.get());
  Tensor tensor(held);
  status.check();
  if (!held) throw OpError{kInternal, "TensorFlow gave no output"};
  return tensor;
}

Tensor temporary(TF_OpKernelContext *context, size_t bytes) {
  Status status;
  TF_AllocatorAttributes attributes = {sizeof attributes, 0};
  int64_t floats = static_cast<int64_t>((bytes + 3) / 4);
  Tensor tensor(tf.AllocateTemp(context, kFloat, &floats, 1, &attributes, status.get()));
  status.check();
  return tensor;
}

u32 threads_of(TF_OpKernelContext *context, int asked) {
  if (asked > 0) return static_cast<u32>(asked);
  int found = intra_op_threads(context);
  if (found == 0) found = static_cast<int>(std::thread::hardware_concurrency());
  return static_cast<u32>(found > 0 ? found : 1);
}

const AttnKernels *kernels() {
  const AttnKernels *found = chosen.load();
  if (!found) {
    found = attn_kernels(nullptr);
    if (!found) found = attn_kernels("scalar");
    chosen.store(found);
  }
  return found;
}

bool use_kernels(const char *instruction_set) {
  const AttnKernels *found = attn_kernels(instruction_set);
  if (found) chosen.store(found);
  return found != nullptr;
}

}  // namespace tfjs_attention

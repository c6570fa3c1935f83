// What an op sees of its call: tensors, threads, and how it refuses.
#ifndef TFJS_ATTENTION_NODE_OP_H
#define TFJS_ATTENTION_NODE_OP_H
#include <string>
#include <vector>
#include "cpu/native.h"
#include "tf_api.h"

namespace tfjs_attention {

/** Ends an op with a TensorFlow status. Nothing was written by then. */
struct OpError {
  int code;
  std::string text;
};

/** Throws an OpError of the kind "invalid argument"; printf's format. */
[[noreturn]] void refuse(const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 1, 2)))
#endif
    ;

/** A TensorFlow tensor, held while the op runs. */
class Tensor {
 public:
  explicit Tensor(TF_Tensor *held) : held_(held) {}
  Tensor(Tensor &&other) : held_(other.held_) { other.held_ = nullptr; }
  Tensor(const Tensor &) = delete;
  ~Tensor() {
    if (held_) tf.DeleteTensor(held_);
  }

  int rank() const { return tf.NumDims(held_); }
  int64_t dim(int axis) const { return tf.Dim(held_, axis); }
  /** Elements that memory holds. */
  int64_t count() const;
  bool empty() const { return count() == 0; }
  /** Null for an empty tensor. */
  template <typename T>
  T *data() const {
    return empty() ? nullptr : static_cast<T *>(tf.TensorData(held_));
  }
  std::vector<int64_t> dims() const;
  /** In words: [2, 3] */
  std::string shape() const;

 private:
  TF_Tensor *held_;
};

class Machine;

/** Memory of TensorFlow's where the op runs, for its length. */
Tensor temporary(TF_OpKernelContext *context, size_t bytes);

/** `asked` threads, or TensorFlow's intra-op setting where that is 0. Of a "CPU" kernel's call. */
u32 threads_of(TF_OpKernelContext *context, int asked);

/** One call of an op. */
class Op {
 public:
  Op(const char *name, TF_OpKernelContext *context, Machine &machine)
      : name_(name), context_(context), machine_(machine) {}

  const char *name() const { return name_; }
  Machine &machine() const { return machine_; }
  /** Checks type and alignment. */
  Tensor input(int index, DataType type, const char *name);
  Tensor output(int index, DataType type, const std::vector<int64_t> &dims);
  int outputs() const { return tf.NumOutputs(context_); }
  /** As threads_of. */
  u32 threads(int asked) const { return threads_of(context_, asked); }

 private:
  const char *name_;
  TF_OpKernelContext *context_;
  Machine &machine_;
};

/** The kernels in use; never null. */
const AttnKernels *kernels();

/** Forces an instruction set for the whole process, or null for the best. False if it cannot be had. */
bool use_kernels(const char *instruction_set);

}  // namespace tfjs_attention
#endif

// The part of TensorFlow's C API that this addon calls, declared by hand: neither its headers nor its libraries are
// needed to build. The functions are found at run time in the libtensorflow that tfjs has loaded (tf_library.cc).
#ifndef TFJS_ATTENTION_NODE_TF_API_H
#define TFJS_ATTENTION_NODE_TF_API_H
#include <stddef.h>
#include <stdint.h>

struct TF_Status;
struct TF_Tensor;
struct TF_OpKernelContext;
struct TF_OpKernelConstruction;
struct TF_KernelBuilder;
struct TF_OpDefinitionBuilder;
struct TF_ShapeInferenceContext;
struct TF_AllocatorAttributes {
  size_t struct_size;
  unsigned char on_host;
};
struct TF_Buffer {
  const void *data;
  size_t length;
  void (*deallocator)(void *data, size_t length);
};

namespace tfjs_attention {

enum DataType : int { kFloat = 1, kInt32 = 3, kBool = 10 };
enum Code : int { kOk = 0, kInvalidArgument = 3, kResourceExhausted = 8, kInternal = 13 };

using CreateKernel = void *(*)(TF_OpKernelConstruction *);
using ComputeKernel = void (*)(void *kernel, TF_OpKernelContext *);
using DeleteKernel = void (*)(void *kernel);
using InferShapes = void (*)(TF_ShapeInferenceContext *, TF_Status *);

// X(result, name without TF_, parameters)
#define TFJS_ATTENTION_TF_API(X)                                                                             \
  X(const char *, Version, (void))                                                                           \
  X(TF_Status *, NewStatus, (void))                                                                          \
  X(void, DeleteStatus, (TF_Status *))                                                                       \
  X(void, SetStatus, (TF_Status *, int code, const char *message))                                           \
  X(int, GetCode, (const TF_Status *))                                                                       \
  X(const char *, Message, (const TF_Status *))                                                              \
  X(void, DeleteTensor, (TF_Tensor *))                                                                       \
  X(void *, TensorData, (const TF_Tensor *))                                                                 \
  X(size_t, TensorByteSize, (const TF_Tensor *))                                                             \
  X(int, NumDims, (const TF_Tensor *))                                                                       \
  X(int64_t, Dim, (const TF_Tensor *, int axis))                                                             \
  X(int, TensorType, (const TF_Tensor *))                                                                    \
  X(void, GetInput, (TF_OpKernelContext *, int index, TF_Tensor **, TF_Status *))                            \
  X(int, NumOutputs, (TF_OpKernelContext *))                                                                 \
  X(TF_Tensor *, AllocateOutput,                                                                             \
    (TF_OpKernelContext *, int index, int type, const int64_t *dims, int rank, size_t bytes, TF_Status *))   \
  X(TF_Tensor *, AllocateTemp,                                                                               \
    (TF_OpKernelContext *, int type, const int64_t *dims, int rank, TF_AllocatorAttributes *, TF_Status *))  \
  X(void, OpKernelContext_Failure, (TF_OpKernelContext *, TF_Status *))                                      \
  X(TF_KernelBuilder *, NewKernelBuilder,                                                                    \
    (const char *op, const char *device, CreateKernel, ComputeKernel, DeleteKernel))                         \
  X(void, KernelBuilder_HostMemory, (TF_KernelBuilder *, const char *argument))                              \
  X(void, RegisterKernelBuilder, (const char *name, TF_KernelBuilder *, TF_Status *))                        \
  X(TF_OpDefinitionBuilder *, NewOpDefinitionBuilder, (const char *op))                                      \
  X(void, OpDefinitionBuilderAddAttr, (TF_OpDefinitionBuilder *, const char *))                              \
  X(void, OpDefinitionBuilderAddInput, (TF_OpDefinitionBuilder *, const char *))                             \
  X(void, OpDefinitionBuilderAddOutput, (TF_OpDefinitionBuilder *, const char *))                            \
  X(void, OpDefinitionBuilderSetIsStateful, (TF_OpDefinitionBuilder *, bool))                                \
  X(void, OpDefinitionBuilderSetShapeInferenceFunction, (TF_OpDefinitionBuilder *, InferShapes))             \
  X(void, ShapeInferenceContextSetUnknownShape, (TF_ShapeInferenceContext *, TF_Status *))                   \
  X(void, RegisterOpDefinition, (TF_OpDefinitionBuilder *, TF_Status *))                                     \
  X(TF_Buffer *, GetAllOpList, (void))                                                                       \
  X(void, DeleteBuffer, (TF_Buffer *))

/** `tf.Version` is TF_Version, and so on. All null until `find_tensorflow` has succeeded. */
struct TfApi {
#define TFJS_ATTENTION_MEMBER(result, name, parameters) result(*name) parameters;
  TFJS_ATTENTION_TF_API(TFJS_ATTENTION_MEMBER)
#undef TFJS_ATTENTION_MEMBER
};
extern TfApi tf;

}  // namespace tfjs_attention
#endif

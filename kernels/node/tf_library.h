// The libtensorflow of this process.
#ifndef TFJS_ATTENTION_NODE_TF_LIBRARY_H
#define TFJS_ATTENTION_NODE_TF_LIBRARY_H
#include <string>
#include "tf_api.h"

namespace tfjs_attention {

/**
 * Fills `tf` from the library that the tfjs binding has loaded; loads nothing itself. Empty, or why it cannot. A
 * failure is not remembered: tfjs may be imported later.
 */
std::string find_tensorflow();

/** A symbol of that library, mangled if it is C++'s; null where there is none. */
void *tensorflow_symbol(const char *name);

/** Threads of TensorFlow's intra-op pool as a "CPU" kernel sees it; 0 where this TensorFlow does not tell. */
int intra_op_threads(TF_OpKernelContext *context);

/**
 * The cudaStream_t of TensorFlow that a "GPU" kernel's call belongs to; null where this TensorFlow does not tell. To be
 * asked in a "GPU" kernel only.
 */
void *gpu_stream(TF_OpKernelContext *context);

}  // namespace tfjs_attention
#endif

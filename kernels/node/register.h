// Makes the ops known to TensorFlow.
#ifndef TFJS_ATTENTION_NODE_REGISTER_H
#define TFJS_ATTENTION_NODE_REGISTER_H
#include <string>

namespace tfjs_attention {

/**
 * Registers ops and kernels, once a process however many isolates ask. Empty, or why it cannot; that no TensorFlow is
 * loaded yet is not remembered.
 */
std::string register_ops();

}  // namespace tfjs_attention
#endif

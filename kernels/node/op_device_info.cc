#include "ops.h"

namespace tfjs_attention {

/** [1] threads of TensorFlow's intra-op setting. */
void device_info(Op &op) {
  Tensor threads = op.output(0, kInt32, {1});
  *threads.data<int>() = static_cast<int>(op.threads(0));
}

}  // namespace tfjs_attention

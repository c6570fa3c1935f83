#include <algorithm>
#include "ops.h"

namespace tfjs_attention {

/** Machine::describe, in host memory. */
void device_info(Op &op) {
  const std::vector<int> words = op.machine().describe();
  Tensor info = op.output(0, kInt32, {static_cast<int64_t>(words.size())});
  std::copy(words.begin(), words.end(), info.data<int>());
}

/** The same integers in memory of the machine. */
void upload_ints(Op &op) {
  Tensor ints = op.input(0, kInt32, "ints");
  Tensor uploaded = op.output(0, kInt32, ints.dims());
  if (!ints.empty()) op.machine().upload(uploaded.data<int>(), ints.data<int>(), static_cast<size_t>(ints.count()) * 4);
}

}  // namespace tfjs_attention

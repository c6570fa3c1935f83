#include "machine.h"

namespace tfjs_attention {

BatchInts ints_on(Machine &machine, const BatchInts &ints, const Tensor &words, const Tensor &uploaded) {
  if (!uploaded.empty() && uploaded.count() != words.count()) {
    refuse("device_ints has %lld words, ints %lld", static_cast<long long>(uploaded.count()),
           static_cast<long long>(words.count()));
  }
  const int *host = words.data<int>(), *base = machine.ints({host, words.count()}, uploaded.data<int>());
  BatchInts moved = ints;
  for (Ints *section : sections_of(moved)) {
    if (section->data) section->data = base + (section->data - host);
  }
  return moved;
}

}  // namespace tfjs_attention

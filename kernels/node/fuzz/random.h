// Numbers that a seed decides.
#ifndef TFJS_ATTENTION_NODE_FUZZ_RANDOM_H
#define TFJS_ATTENTION_NODE_FUZZ_RANDOM_H
#include <cstdint>

namespace tfjs_attention {

/** splitmix64. */
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /** In [least, most]. */
  int between(int least, int most) {
    uint64_t count = static_cast<uint64_t>(int64_t{most} - least) + 1;
    return static_cast<int>(least + static_cast<int64_t>(next() % count));
  }
  bool chance(int percent) { return between(1, 100) <= percent; }
  float real() { return static_cast<float>(between(-1000, 1000)) / 500.0f; }

 private:
  uint64_t state_;
};

}  // namespace tfjs_attention
#endif

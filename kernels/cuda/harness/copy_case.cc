#include <cstring>
#include "../attention.h"
#include "memory.h"
#include "other_cases.h"

namespace {

unsigned char byte_at(size_t i) { return (unsigned char)(i * 2654435761u >> 13); }

}  // namespace

/** Blocks of 1 to 4099 bytes, in units of every width, against memcpy. */
void run_copies(Verdict *verdict) {
  const size_t sizes[] = {1, 4, 6, 16, 36, 4096, 4099};
  const int pairs[] = {0, 5, 3, 1, 0, 4, 6, 2}, count = 4, blocks = 7;
  for (size_t size : sizes) {
    std::vector<unsigned char> expected(size * blocks);
    for (size_t i = 0; i < expected.size(); i++) expected[i] = byte_at(i);
    DeviceMemory memory;
    void *at = memory.copy(expected.data(), expected.size());
    const int *table = (const int *)memory.copy(pairs, sizeof pairs);
    must(attn_cuda_copy_blocks(at, table, count, size, nullptr), "copy blocks");
    must(cudaDeviceSynchronize(), "copy blocks");
    for (int i = 0; i < count; i++) {
      std::memcpy(&expected[pairs[2 * i + 1] * size], &expected[pairs[2 * i] * size], size);
    }
    judge_same(verdict, "blocks", download<unsigned char>(at, expected.size()), expected.data(),
               [](unsigned char) { return false; });
    if (!memory.intact()) verdict->fail("wrote past an operand's end");
  }
}

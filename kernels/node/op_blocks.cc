#include "cache_layout.h"
#include "ops.h"

namespace tfjs_attention {
namespace {

/** The parts that hold a stretch a block, in the order in which they travel. */
struct BlockParts {
  const CachePart *parts[4];
  explicit BlockParts(const CacheLayout &l) : parts{&l.key, &l.value, &l.keyTokenScales, &l.valueTokenScales} {}
};

void check_blocks(const int *blocks, int64_t count, int64_t numBlocks) {
  for (int64_t i = 0; i < count; i++) {
    if (blocks[i] < 0 || blocks[i] >= numBlocks) {
      refuse("block %d is outside the cache's 0 to %lld", blocks[i], static_cast<long long>(numBlocks - 1));
    }
  }
}

/** Bytes of a part of `count` blocks as they travel: whole floats. */
int64_t travelling(const CachePart &part, int64_t count) { return (part.blockBytes * count + 3) & ~int64_t{3}; }

int64_t travelling(const CacheLayout &layout, int64_t count) {
  int64_t bytes = 0;
  for (const CachePart *part : BlockParts(layout).parts) bytes += travelling(*part, count);
  return bytes;
}

/** Calls visit(in the cache, as it travels, bytes) for each stretch. */
template <typename Visit>
void each_stretch(const CacheData &data, const int *blocks, int64_t count, char *travel, Visit visit) {
  for (const CachePart *part : BlockParts(*data.layout).parts) {
    for (int64_t i = 0; i < count && part->blockBytes > 0; i++) {
      visit(data.base + part->offset + blocks[i] * part->blockBytes, travel + i * part->blockBytes,
            static_cast<size_t>(part->blockBytes));
    }
    travel += travelling(*part, count);
  }
}

}  // namespace

/** Pairs [n, 2] of (from, to), one after another, in place. */
void copy_blocks(Op &op) {
  CacheLayout layout = cache_layout(read_call<CacheParams>(op, 0));
  Tensor pairs = op.input(1, kInt32, "pairs"), cache = op.input(2, kFloat, "cache");
  if (pairs.count() % 2 != 0) refuse("pairs is %s, not [n, 2]", pairs.shape().c_str());
  const int *blocks = pairs.data<int>();
  check_blocks(blocks, pairs.count(), layout.numBlocks);
  CacheData data = cache_data(cache, layout);
  for (int64_t i = 0; i < pairs.count(); i += 2) {
    for (const CachePart *part : BlockParts(layout).parts) {
      char *first = data.base + part->offset;
      op.machine().copy(first + blocks[i + 1] * part->blockBytes, first + blocks[i] * part->blockBytes,
                        static_cast<size_t>(part->blockBytes));
    }
  }
}

/** Stored bytes of blocks: key codes, value codes, key scales, value scales, each padded to whole floats. */
void read_blocks(Op &op) {
  CacheLayout layout = cache_layout(read_call<CacheParams>(op, 0));
  Tensor blocks = op.input(1, kInt32, "blocks"), cache = op.input(2, kFloat, "cache");
  check_blocks(blocks.data<int>(), blocks.count(), layout.numBlocks);
  CacheData data = cache_data(cache, layout);
  int64_t bytes = travelling(layout, blocks.count());
  Tensor out = op.output(0, kFloat, {bytes / 4});
  char *travel = out.data<char>();
  if (!travel) return;
  op.machine().zero(travel, static_cast<size_t>(bytes));
  each_stretch(data, blocks.data<int>(), blocks.count(), travel,
               [&](const char *stored, char *to, size_t size) { op.machine().copy(to, stored, size); });
}

/** What read_blocks gave, into blocks, in place. */
void write_blocks(Op &op) {
  CacheLayout layout = cache_layout(read_call<CacheParams>(op, 0));
  Tensor blocks = op.input(1, kInt32, "blocks"), bytes = op.input(2, kFloat, "bytes");
  Tensor cache = op.input(3, kFloat, "cache");
  check_blocks(blocks.data<int>(), blocks.count(), layout.numBlocks);
  if (bytes.count() * 4 != travelling(layout, blocks.count())) {
    refuse("bytes is %s, not of %lld floats", bytes.shape().c_str(),
           static_cast<long long>(travelling(layout, blocks.count()) / 4));
  }
  each_stretch(cache_data(cache, layout), blocks.data<int>(), blocks.count(), bytes.data<char>(),
               [&](char *stored, const char *from, size_t size) { op.machine().copy(stored, from, size); });
}

}  // namespace tfjs_attention

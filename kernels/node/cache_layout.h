// A KV cache as one float32 tensor [words / 16, 16] whose elements are never read as numbers.
#ifndef TFJS_ATTENTION_NODE_CACHE_LAYOUT_H
#define TFJS_ATTENTION_NODE_CACHE_LAYOUT_H
#include "call.h"

namespace tfjs_attention {

/** Floats of the tensor's last axis: one cache line. */
constexpr int64_t kCacheRow = 16;

/** A stretch of the tensor, at a multiple of 64 bytes; `blockBytes` of it belong to each block. */
struct CachePart {
  int64_t offset, bytes, blockBytes;
};

/** Where everything lies: codes [P, C, K, size] (int4: two a byte), scales a token [P, C, K] of the types that have them, a head [K]. */
struct CacheLayout {
  int64_t numBlocks, numSlots;
  CachePart key, value, keyTokenScales, valueTokenScales, keyHeadScales, valueHeadScales;
  int64_t bytes;
};

/** What decides a layout; no value lanes where values are in the keys. */
struct CacheShape {
  int numBlocks, blockSize, numKvHeads, headSize, valueHeadSize, kvDtype;
};

/** Elements of one head's lanes, or bytes of two: what strides count. */
int codes_per_row(int dtype, int size);

/** Refuses shapes that no cache has. */
CacheLayout lay_out_cache(const CacheShape &shape);

/** The layout that a cache op's params ask for; refuses strides other than the layout's. */
CacheLayout cache_layout(const Call<CacheParams> &call);

/** A cache tensor's parts, by address. */
struct CacheData {
  char *base;
  const CacheLayout *layout;

  void *key() const { return base + layout->key.offset; }
  void *value() const { return base + layout->value.offset; }
  /** Null for types without. */
  float *key_token_scales() const { return floats(layout->keyTokenScales); }
  float *value_token_scales() const { return floats(layout->valueTokenScales); }
  /** Null unless the header says that scales are one a head. */
  float *key_head_scales(int bits) const { return bits & kKeyHeadScales ? floats(layout->keyHeadScales) : nullptr; }
  float *value_head_scales(int bits) const {
    return bits & kValueHeadScales ? floats(layout->valueHeadScales) : nullptr;
  }

 private:
  float *floats(const CachePart &part) const {
    return part.bytes > 0 ? reinterpret_cast<float *>(base + part.offset) : nullptr;
  }
};

/** Refuses a tensor of another size. */
CacheData cache_data(const Tensor &cache, const CacheLayout &layout);

/** The operands of a cache op but for new keys, values and slots. */
CacheOperands cache_operands(const CacheData &cache, int headScales);

}  // namespace tfjs_attention
#endif

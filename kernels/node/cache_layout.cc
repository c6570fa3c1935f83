#include "cache_layout.h"
#include <climits>

namespace tfjs_attention {
namespace {

int64_t code_width(int dtype) {
  switch (dtype) {
    case KV_FLOAT32:
      return 4;
    case KV_FLOAT16:
    case KV_BFLOAT16:
      return 2;
    default:
      return 1;
  }
}

bool has_token_scales(int dtype) {
  return dtype == KV_INT8_PER_TOKEN_HEAD || dtype == KV_FP8_PER_TOKEN_HEAD || dtype == KV_INT4_PER_TOKEN_HEAD;
}

void check_range(const char *name, int value, int least, int most) {
  if (value < least || value > most) refuse("%s is %d, outside %d to %d", name, value, least, most);
}

CachePart place(int64_t &next, int64_t numBlocks, int64_t blockBytes) {
  CachePart part = {next, numBlocks * blockBytes, blockBytes};
  next = (next + part.bytes + 63) & ~int64_t{63};
  return part;
}

}  // namespace

int codes_per_row(int dtype, int size) { return dtype == KV_INT4_PER_TOKEN_HEAD ? (size + 1) / 2 : size; }

CacheLayout lay_out_cache(const CacheShape &shape) {
  check_range("numBlocks", shape.numBlocks, 1, INT_MAX);
  check_range("blockSize", shape.blockSize, 1, INT_MAX);
  check_range("numKvHeads", shape.numKvHeads, 1, 1 << 16);
  check_range("headSize", shape.headSize, 1, kMaxHeadSize);
  check_range("valueHeadSize", shape.valueHeadSize, 0, kMaxHeadSize);
  check_range("kvDtype", shape.kvDtype, KV_FLOAT32, KV_INT4_PER_TOKEN_HEAD);
  int64_t slots = int64_t{shape.numBlocks} * shape.blockSize;
  if (slots > INT_MAX) refuse("numBlocks * blockSize = %lld is not below 2^31", static_cast<long long>(slots));
  int64_t rows = int64_t{shape.blockSize} * shape.numKvHeads;
  int largest = shape.headSize > shape.valueHeadSize ? shape.headSize : shape.valueHeadSize;
  if (rows * largest > INT_MAX) refuse("a block of %lld rows is too large", static_cast<long long>(rows));

  int64_t width = code_width(shape.kvDtype), scale = has_token_scales(shape.kvDtype) ? 4 : 0, next = 0;
  int64_t keys = codes_per_row(shape.kvDtype, shape.headSize), values = codes_per_row(shape.kvDtype, shape.valueHeadSize);
  CacheLayout layout;
  layout.numBlocks = shape.numBlocks;
  layout.numSlots = slots;
  layout.key = place(next, shape.numBlocks, rows * keys * width);
  layout.value = place(next, shape.numBlocks, rows * values * width);
  layout.keyTokenScales = place(next, shape.numBlocks, rows * scale);
  layout.valueTokenScales = place(next, shape.numBlocks, values > 0 ? rows * scale : 0);
  layout.keyHeadScales = place(next, 1, int64_t{shape.numKvHeads} * 4);
  layout.valueHeadScales = place(next, 1, int64_t{shape.numKvHeads} * 4);
  layout.bytes = next;
  return layout;
}

CacheLayout cache_layout(const Call<CacheParams> &call) {
  const CacheParams &p = call.params;
  CacheLayout layout = lay_out_cache(
      {call.header.numBlocks, p.blockSize, p.numKvHeads, p.headSize, p.valueHeadSize, p.kvDtype});
  int key = codes_per_row(p.kvDtype, p.headSize), value = codes_per_row(p.kvDtype, p.valueHeadSize);
  int keys = p.numKvHeads * key, values = p.numKvHeads * value;
  if (p.kStrideHead != key || p.kStrideToken != keys || p.kStrideBlock != p.blockSize * keys ||
      p.vStrideHead != value || p.vStrideToken != values || p.vStrideBlock != p.blockSize * values) {
    refuse("strides are not those of [P, C, K, H]");
  }
  return layout;
}

CacheData cache_data(const Tensor &cache, const CacheLayout &layout) {
  if (cache.count() * 4 != layout.bytes) {
    refuse("the cache tensor %s holds %lld bytes, its shape asks for %lld", cache.shape().c_str(),
           static_cast<long long>(cache.count() * 4), static_cast<long long>(layout.bytes));
  }
  return {cache.data<char>(), &layout};
}

CacheOperands cache_operands(const CacheData &cache, int headScales) {
  CacheOperands o = {};
  o.k = cache.key();
  o.v = cache.value();
  o.kHeadScales = cache.key_head_scales(headScales);
  o.vHeadScales = cache.value_head_scales(headScales);
  o.kTokenScales = cache.key_token_scales();
  o.vTokenScales = cache.value_token_scales();
  return o;
}

}  // namespace tfjs_attention

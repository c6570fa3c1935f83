#include "cases.h"
#include "cache_layout.h"
#include "ops.h"

namespace tfjs_attention {

int op_named(const std::string &name) {
  for (int i = 0; i < kOpCount; i++) {
    if (name == kOps[i].name) return i;
  }
  std::abort();
}

namespace {

std::vector<int> draw_ints(Random &random, int count, int least, int most) {
  std::vector<int> values;
  for (int i = 0; i < count; i++) values.push_back(random.between(least, most));
  return values;
}

FuzzCase draw_cache_op(Random &random) {
  Call<CacheParams> call = draw_cache(random);
  CacheParams &p = call.params;
  p.numTokens = random.between(0, 40);
  int slots = call.header.numBlocks * p.blockSize, blocks = random.between(0, 5);
  std::vector<int> slotMapping = draw_ints(random, p.numTokens, -1, slots - 1);
  std::vector<int> section = {0, 0, 0, 0, 0, 0, 0, 0, p.numTokens};
  section.insert(section.end(), slotMapping.begin(), slotMapping.end());
  FuzzTensor params = call_words(call), cache = cache_tensor(random, call);
  std::vector<int> ids = draw_ints(random, blocks, 0, call.header.numBlocks - 1);
  switch (random.between(0, 5)) {
    case 0: {
      int heads = p.numKvHeads, bits = call.header.cacheBits;
      return {op_named("TfjsAttnCacheInit"),
              {params, floats(random, {bits & kKeyHeadScales ? heads : 0}),
               floats(random, {bits & kValueHeadScales ? heads : 0})},
              1};
    }
    case 1:
      return {op_named("TfjsAttnReshapeAndCache"),
              {params, words(section), words({}), floats(random, {p.numTokens, p.numKvHeads, p.headSize}),
               floats(random, {p.numTokens, p.numKvHeads, p.valueHeadSize}), cache},
              0};
    case 2:
      return {op_named("TfjsAttnGatherCache"), {params, words(slotMapping), cache}, 2};
    case 3:
      ids = draw_ints(random, 2 * blocks, 0, call.header.numBlocks - 1);
      return {op_named("TfjsAttnCopyBlocks"), {params, words(ids), cache}, 0};
    case 4:
      return {op_named("TfjsAttnReadBlocks"), {params, words(ids), cache}, 1};
    default: {
      // What reading gives is what writing takes.
      int read = op_named("TfjsAttnReadBlocks");
      Outcome bytes = run_mock(read, {params, words(ids), cache}, 1);
      int64_t count = static_cast<int64_t>(bytes.outputs[0].size() / 4);
      return {op_named("TfjsAttnWriteBlocks"), {params, words(ids), {kFloat, {count}, bytes.outputs[0]}, cache}, 0};
    }
  }
}

FuzzCase draw_merge(Random &random) {
  int64_t tokens = random.between(0, 9), heads = random.between(1, 5), size = random.between(1, 70);
  std::vector<FuzzTensor> inputs;
  for (int i = 0; i < 2; i++) {
    inputs.push_back(floats(random, {tokens, heads, size}));
    inputs.push_back(floats(random, {tokens, heads}));
  }
  inputs.push_back(floats(random, {random.chance(50) ? heads : 0}));
  return {op_named("TfjsAttnMergeStates"), inputs, 2};
}

FuzzCase draw_conversion(Random &random) {
  int count = random.between(0, 5000);
  FuzzTensor scale = floats(random, {1}), dtype = words({random.between(KV_FP8_E4M3, KV_FP8_E5M2)});
  if (random.chance(10)) return {op_named("TfjsAttnUploadInts"), {words(draw_ints(random, count, 0, 255))}, 1};
  if (random.chance(50)) return {op_named("TfjsAttnEncodeFp8"), {floats(random, {count}), scale, dtype}, 1};
  return {op_named("TfjsAttnDecodeFp8"), {words(draw_ints(random, count, 0, 255)), scale, dtype}, 1};
}

void set_word(FuzzTensor &tensor, size_t index, int value) { std::memcpy(&tensor.bytes[4 * index], &value, 4); }

/** Values at the edges of types and checks. */
int draw_odd(Random &random) {
  static const int kOdd[] = {0,       1,       -1,        2,          3,          15,          16,        17,
                             63,      64,      255,       256,        576,        577,         4095,      4096,
                             65535,   65536,   1 << 20,   1 << 29,    1 << 30,    0x7fffffff,  -2,        -16,
                             1 << 13, 1 << 16, -(1 << 29), -(1 << 30), 0x7f800000, 0x7fc00000, -2147483647 - 1};
  return random.chance(70) ? kOdd[random.between(0, sizeof kOdd / sizeof *kOdd - 1)] : random.between(-300, 300);
}

}  // namespace

/** Ordinary numbers, with a few that are none. */
FuzzTensor floats(Random &random, std::vector<int64_t> dims) {
  int64_t count = 1;
  for (int64_t size : dims) count *= size;
  std::vector<float> values;
  for (int64_t i = 0; i < count; i++) {
    values.push_back(random.chance(99) ? random.real() : random.chance(50) ? __builtin_nanf("") : __builtin_inff());
  }
  std::vector<unsigned char> bytes(static_cast<size_t>(count) * 4);
  if (count > 0) std::memcpy(bytes.data(), values.data(), bytes.size());
  return {kFloat, dims, bytes};
}

FuzzTensor words(const std::vector<int> &values) {
  std::vector<unsigned char> bytes(values.size() * 4);
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return {kInt32, {static_cast<int64_t>(values.size())}, bytes};
}

Call<CacheParams> draw_cache(Random &random) {
  static const int kSizes[] = {1, 3, 8, 16, 20, 33, 64, 80};
  Call<CacheParams> call = {};
  CacheParams &p = call.params;
  call.header = {kWireVersion, random.between(0, 3), kPacked, random.between(1, 6), random.between(0, 3)};
  p.kScale = p.vScale = 0.5f;
  p.kvDtype = random.between(KV_FLOAT32, KV_FP8_PER_TOKEN_HEAD);
  p.numKvHeads = random.between(1, 3);
  p.headSize = kSizes[random.between(0, 7)];
  p.valueHeadSize = kSizes[random.between(0, 7)];
  p.blockSize = random.between(1, 17);
  p.kStrideHead = p.headSize;
  p.kStrideToken = p.numKvHeads * p.headSize;
  p.kStrideBlock = p.blockSize * p.kStrideToken;
  p.vStrideHead = p.valueHeadSize;
  p.vStrideToken = p.numKvHeads * p.valueHeadSize;
  p.vStrideBlock = p.blockSize * p.vStrideToken;
  return call;
}

FuzzTensor cache_tensor(Random &random, const Call<CacheParams> &call) {
  CacheLayout layout = cache_layout(call);
  std::vector<unsigned char> bytes(static_cast<size_t>(layout.bytes));
  for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    uint64_t word = random.next();
    std::memcpy(&bytes[i], &word, 8);
  }
  return {kFloat, {layout.bytes / (4 * kCacheRow), kCacheRow}, bytes};
}

FuzzCase draw_case(Random &random) {
  int kind = random.between(1, 100);
  if (kind <= 20) return draw_attention(random, false);
  if (kind <= 35) return draw_backward(random);
  if (kind <= 65) return draw_attention(random, true);
  if (kind <= 92) return draw_cache_op(random);
  return kind <= 96 ? draw_merge(random) : draw_conversion(random);
}

void corrupt(FuzzCase &fuzzed, Random &random) {
  for (int times = random.chance(80) ? 1 : 3; times > 0; times--) {
    size_t last = fuzzed.inputs.size() - 1;
    // Numbers that steer stand in the first two.
    size_t at = random.chance(70) ? static_cast<size_t>(random.between(0, 1)) : static_cast<size_t>(random.between(0, static_cast<int>(last)));
    FuzzTensor &tensor = fuzzed.inputs[at > last ? last : at];
    size_t count = tensor.bytes.size() / 4;
    switch (random.between(0, 9)) {
      case 0:
        tensor.bytes.resize(tensor.bytes.size() / 8 * 4);
        break;
      case 1:
        tensor.bytes.resize(tensor.bytes.size() + 4 * static_cast<size_t>(random.between(1, 20)));
        break;
      case 2:
        if (!tensor.dims.empty()) tensor.dims.pop_back();
        break;
      case 3:
        if (!tensor.dims.empty()) tensor.dims[0] = random.between(0, 100);
        break;
      case 4:
        if (random.chance(30)) tensor.type = random.chance(50) ? kBool : kFloat;
        else fuzzed.outputs = random.between(0, 3);
        break;
      default:
        if (count > 0) set_word(tensor, static_cast<size_t>(random.between(0, static_cast<int>(count) - 1)), draw_odd(random));
    }
  }
}

}  // namespace tfjs_attention

#include <cstdint>
#include "cache_layout.h"
#include "ops.h"

namespace tfjs_attention {
namespace {

/** [K] where scales are one a head, else empty. */
void check_scales(const char *name, const Tensor &scales, bool perHead, int numKvHeads) {
  int wanted = perHead ? numKvHeads : 0;
  if (scales.count() != wanted) refuse("%s is %s, not of %d entries", name, scales.shape().c_str(), wanted);
}

void copy_scales(Machine &machine, const Tensor &scales, void *to) {
  if (!scales.empty()) machine.copy(to, scales.data<float>(), static_cast<size_t>(scales.count()) * 4);
}

void check_slots(const int *slots, int64_t count, int64_t numSlots) {
  for (int64_t i = 0; i < count; i++) {
    if (slots[i] < -1 || slots[i] >= numSlots) {
      refuse("slot %lld is %d, outside the cache's 0 to %lld", static_cast<long long>(i), slots[i],
             static_cast<long long>(numSlots - 1));
    }
  }
}

void check_rows(const char *name, const Tensor &x, int64_t rows, int64_t heads, int64_t size) {
  if (x.count() != rows * heads * size) {
    refuse("%s is %s, not [%lld, %lld, %lld]", name, x.shape().c_str(), static_cast<long long>(rows),
           static_cast<long long>(heads), static_cast<long long>(size));
  }
}

}  // namespace

/** A cache of zeros. */
void cache_init(Op &op) {
  Call<CacheParams> call = read_call<CacheParams>(op, 0);
  CacheLayout layout = cache_layout(call);
  Tensor keyScales = op.input(1, kFloat, "keyHeadScales"), valueScales = op.input(2, kFloat, "valueHeadScales");
  int64_t most = op.machine().memory();
  if (most > 0 && layout.bytes > most) {
    throw OpError{kResourceExhausted, "a cache of " + std::to_string(layout.bytes) + " bytes exceeds the machine's " +
                                          std::to_string(most)};
  }
  check_scales("keyHeadScales", keyScales, call.header.cacheBits & kKeyHeadScales, call.params.numKvHeads);
  check_scales("valueHeadScales", valueScales, call.header.cacheBits & kValueHeadScales, call.params.numKvHeads);
  Tensor cache = op.output(0, kFloat, {layout.bytes / (4 * kCacheRow), kCacheRow});
  CacheData data = cache_data(cache, layout);
  op.machine().zero(data.base, static_cast<size_t>(layout.bytes));
  copy_scales(op.machine(), keyScales, data.base + layout.keyHeadScales.offset);
  copy_scales(op.machine(), valueScales, data.base + layout.valueHeadScales.offset);
}

/** Writes k and v to the slots of the batch, in place. */
void reshape_and_cache(Op &op) {
  Call<CacheParams> call = read_call<CacheParams>(op, 0);
  const CacheParams &p = call.params;
  CacheLayout layout = cache_layout(call);
  Tensor words = op.input(1, kInt32, "ints"), uploaded = op.input(2, kInt32, "deviceInts");
  Tensor k = op.input(3, kFloat, "k"), v = op.input(4, kFloat, "v"), cache = op.input(5, kFloat, "cache");
  BatchInts ints = read_ints(words);
  const Ints &slots = ints.slotMapping;
  if (slots.count != p.numTokens) {
    refuse("numTokens is %d, slotMapping has %lld", p.numTokens, static_cast<long long>(slots.count));
  }
  check_slots(slots.data, slots.count, layout.numSlots);
  check_rows("k", k, p.numTokens, p.numKvHeads, p.headSize);
  check_rows("v", v, p.numTokens, p.numKvHeads, p.valueHeadSize);
  CacheOperands o = cache_operands(cache_data(cache, layout), call.header.cacheBits);
  o.newK = k.data<float>();
  o.newV = v.data<float>();
  if (p.numTokens == 0) return;
  o.slotMapping = ints_on(op.machine(), ints, words, uploaded).slotMapping.data;
  op.machine().cache_write(p, o, call.header);
}

/** Dequantised keys [T, K, H] and values [T, K, Hv] (none where they are in the keys) of slots; zeros for slot -1. */
void gather_cache(Op &op) {
  Call<CacheParams> call = read_call<CacheParams>(op, 0);
  CacheParams p = call.params;
  CacheLayout layout = cache_layout(call);
  Tensor slots = op.input(1, kInt32, "slots"), cache = op.input(2, kFloat, "cache");
  if (slots.count() != p.numTokens) refuse("numTokens is %d, slots is %s", p.numTokens, slots.shape().c_str());
  check_slots(slots.data<int>(), slots.count(), layout.numSlots);
  CacheOperands o = cache_operands(cache_data(cache, layout), call.header.cacheBits);
  Tensor key = op.output(0, kFloat, {p.numTokens, p.numKvHeads, p.headSize});
  Tensor value = op.output(1, kFloat, {p.numTokens, p.numKvHeads, p.valueHeadSize});
  o.newK = key.data<float>();
  o.newV = value.data<float>();
  if (p.numTokens == 0) return;
  o.slotMapping = op.machine().ints({slots.data<int>(), slots.count()}, nullptr);
  op.machine().cache_gather(p, o, call.header);
}

}  // namespace tfjs_attention

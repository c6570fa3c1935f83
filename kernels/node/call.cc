#include "call.h"

namespace tfjs_attention {

std::array<Ints *, kSections> sections_of(BatchInts &ints) {
  return {&ints.queryStartLoc,  &ints.seqLens,  &ints.queryOffsets, &ints.blockTables, &ints.causalFlags,
          &ints.rswaPrefixLens, &ints.mmRanges, &ints.dropout,      &ints.slotMapping};
}

BatchInts read_ints(const Tensor &words) {
  BatchInts ints;
  const std::array<Ints *, kSections> sections = sections_of(ints);
  if (words.count() < kSections) refuse("ints has %lld words", static_cast<long long>(words.count()));
  const int *lengths = words.data<int>();
  int64_t at = kSections;
  for (int64_t i = 0; i < kSections; i++) {
    if (lengths[i] < 0 || lengths[i] > words.count() - at) {
      refuse("section %d of ints has %d of the %lld words that are left", static_cast<int>(i), lengths[i],
             static_cast<long long>(words.count() - at));
    }
    if (lengths[i] > 0) *sections[static_cast<size_t>(i)] = {lengths + at, lengths[i]};
    at += lengths[i];
  }
  if (at != words.count()) {
    refuse("ints has %lld words, its sections %lld", static_cast<long long>(words.count()), static_cast<long long>(at));
  }
  return ints;
}

}  // namespace tfjs_attention

#include "attention_checks.h"
#include "cache_layout.h"
#include <climits>
#include <cmath>

namespace tfjs_attention {
namespace {

constexpr int kKnownFeatures = 2 * FEATURE_DROPOUT - 1;
/** As DROPOUT_UNITS in parts/dropout.h. */
constexpr int kDropoutUnits = 1 << 24;

void check_range(const char *name, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most) {
    refuse("%s is %lld, outside %lld to %lld", name, static_cast<long long>(value), static_cast<long long>(least),
           static_cast<long long>(most));
  }
}

void check_count(const Extent &operand, uint64_t wanted) {
  if (static_cast<uint64_t>(operand.count) != wanted) {
    refuse("%s has %lld elements, not %llu", operand.name, static_cast<long long>(operand.count),
           static_cast<unsigned long long>(wanted));
  }
}

struct Strides {
  int batch, token, head;
};

bool operator!=(const Strides &a, const Strides &b) {
  return a.batch != b.batch || a.token != b.token || a.head != b.head;
}

/** Of [entries, tokens, heads, size] or [entries, heads, tokens, size]; a packed batch has no entries. */
Strides strides_of(const char *name, int order, int64_t tokens, int64_t heads, int64_t size) {
  check_range(name, tokens * heads * size, 0, INT_MAX);
  int entry = static_cast<int>(tokens * heads * size), row = static_cast<int>(heads * size);
  switch (order) {
    case kBsnh:
      return {entry, row, static_cast<int>(size)};
    case kBnsh:
      return {entry, static_cast<int>(size), static_cast<int>(tokens * size)};
    default:
      return {0, row, static_cast<int>(size)};
  }
}

void check_strides(const char *name, const Strides &given, const Strides &wanted) {
  if (given != wanted) refuse("strides of %s are not those of its shape", name);
}

/** An operand that broadcasts to [B, N, tokens, keys]: no index may lie beyond its elements. */
void check_broadcast(const Extent &operand, const AttnParams &p, int64_t tokens, int batch, int head, int token,
                     int key) {
  for (int stride : {batch, head, token}) check_range(operand.name, stride, 0, INT_MAX);
  check_range(operand.name, key, 0, 1);
  if (tokens == 0 || p.maxSeqLen == 0 || p.numSeqs == 0) return;
  // Four products below 2^62 - 2^32 each: no overflow.
  uint64_t last = static_cast<uint64_t>(p.numSeqs - 1) * static_cast<uint64_t>(batch) +
                  static_cast<uint64_t>(p.numHeads - 1) * static_cast<uint64_t>(head) +
                  static_cast<uint64_t>(tokens - 1) * static_cast<uint64_t>(token) +
                  static_cast<uint64_t>(p.maxSeqLen - 1) * static_cast<uint64_t>(key);
  if (last >= static_cast<uint64_t>(operand.count)) {
    refuse("strides of %s reach element %llu of %lld", operand.name, static_cast<unsigned long long>(last),
           static_cast<long long>(operand.count));
  }
}

void check_sizes(const AttnParams &p, int64_t tokens) {
  check_range("numSeqs", p.numSeqs, 1, INT_MAX);
  check_range("numKvHeads", p.numKvHeads, 1, 1 << 16);
  check_range("numHeads", p.numHeads, p.numKvHeads, 1 << 16);
  if (p.numHeads % p.numKvHeads != 0) refuse("numHeads %d is no multiple of %d", p.numHeads, p.numKvHeads);
  check_range("headSize", p.headSize, 1, kMaxHeadSize);
  check_range("valueHeadSize", p.valueHeadSize, 1, kMaxHeadSize);
  int64_t most = INT_MAX / p.numHeads;
  check_range("tokens", tokens, 0, most < kMaxPosition ? most : kMaxPosition - 1);
  check_range("maxQueryLen", p.maxQueryLen, 0, tokens);
  check_range("maxSeqLen", p.maxSeqLen, 0, kMaxPosition);
  check_range("flags", p.flags, 0, kKnownFeatures);
  check_range("kvDtype", p.kvDtype, KV_FLOAT32, KV_INT4_PER_TOKEN_HEAD);
  check_range("windowLeft", p.windowLeft, -1, INT_MAX);
  check_range("windowRight", p.windowRight, -1, INT_MAX);
  check_range("chunkSize", p.chunkSize, 0, INT_MAX);
  check_range("chunkLookback", p.chunkLookback, 0, INT_MAX);
  check_range("qqBiasSize", p.qqBiasSize, 0, 1 << 15);
  if (std::isnan(p.softmaxScale) || std::isnan(p.logitsSoftCap)) refuse("softmaxScale or logitsSoftCap is NaN");
}

void check_dense(const AttnParams &p, int order, const AttentionExtents &e) {
  if (order != kBsnh && order != kBnsh) refuse("order is %d", order);
  if (p.blockSize != 0 || p.kvDtype != KV_FLOAT32) refuse("dense keys have neither blocks nor a stored type");
  check_range("maxQueryLen", p.maxQueryLen, e.tokens, e.tokens);
  Strides keys = strides_of("k", order, p.maxSeqLen, p.numKvHeads, p.headSize);
  Strides values = strides_of("v", order, p.maxSeqLen, p.numKvHeads, p.valueHeadSize);
  check_strides("k", {p.kStrideBatch, p.kStrideToken, p.kStrideHead}, keys);
  check_strides("v", {p.vStrideBatch, p.vStrideToken, p.vStrideHead}, values);
  check_count(e.k, static_cast<uint64_t>(p.numSeqs) * static_cast<uint64_t>(keys.batch));
  check_count(e.v, static_cast<uint64_t>(p.numSeqs) * static_cast<uint64_t>(values.batch));
}

void check_paged(const AttnParams &p, int order, bool valueInKey) {
  if (order != kPacked) refuse("order is %d, a cache needs packed queries", order);
  check_range("blockSize", p.blockSize, 1, INT_MAX);
  Strides keys = strides_of("k", kBsnh, p.blockSize, p.numKvHeads, codes_per_row(p.kvDtype, p.headSize));
  Strides values = strides_of("v", kBsnh, p.blockSize, p.numKvHeads, codes_per_row(p.kvDtype, p.valueHeadSize));
  if (valueInKey) {
    check_range("valueHeadSize", p.valueHeadSize, 1, p.headSize);
    values = keys;
  }
  check_strides("k", {p.kStrideBatch, p.kStrideToken, p.kStrideHead}, keys);
  check_strides("v", {p.vStrideBatch, p.vStrideToken, p.vStrideHead}, values);
}

void check_operands(const AttnParams &p, int order, const AttentionExtents &e) {
  int64_t entries = order == kPacked ? 1 : p.numSeqs, heads = p.numHeads;
  Strides q = strides_of("q", order, e.tokens, heads, p.headSize);
  Strides out = strides_of("out", order, e.tokens, heads, p.valueHeadSize);
  Strides lse = strides_of("lse", order, e.tokens, heads, 1);
  check_strides("q", {p.qStrideBatch, p.qStrideToken, p.qStrideHead}, q);
  check_strides("out", {p.outStrideBatch, p.outStrideToken, p.outStrideHead}, out);
  check_strides("lse", {p.lseStrideBatch, p.lseStrideToken, p.lseStrideHead}, lse);
  check_count(e.q, static_cast<uint64_t>(entries) * static_cast<uint64_t>(e.tokens * heads * p.headSize));
  if (p.flags & FEATURE_BIAS) {
    check_broadcast(e.bias, p, e.tokens, p.biasStrideBatch, p.biasStrideHead, p.biasStrideToken, p.biasStrideKey);
  }
  if (p.flags & FEATURE_MASK) {
    check_broadcast(e.mask, p, e.tokens, p.maskStrideBatch, p.maskStrideHead, p.maskStrideToken, p.maskStrideKey);
  }
  if (p.flags & FEATURE_ALIBI) check_count(e.alibiSlopes, static_cast<uint64_t>(heads));
  if (p.flags & FEATURE_SINKS) check_count(e.sinks, static_cast<uint64_t>(heads));
  if (((p.flags & FEATURE_QQ_BIAS) != 0) != (p.qqBiasSize > 0)) refuse("qqBiasSize is %d", p.qqBiasSize);
  if (p.flags & FEATURE_QQ_BIAS) {
    check_count(e.qqBias, static_cast<uint64_t>(p.qqBiasSize) * static_cast<uint64_t>(p.qqBiasSize));
  }
}

void check_length(const char *name, const Ints &ints, int64_t wanted) {
  if (ints.count != wanted) {
    refuse("%s has %lld entries, not %lld", name, static_cast<long long>(ints.count), static_cast<long long>(wanted));
  }
}

void check_queries(const AttnParams &p, const Ints &starts, int64_t tokens) {
  check_length("queryStartLoc", starts, int64_t{p.numSeqs} + 1);
  if (starts.data[0] != 0) refuse("queryStartLoc[0] is %d", starts.data[0]);
  for (int b = 0; b < p.numSeqs; b++) {
    int64_t length = int64_t{starts.data[b + 1]} - starts.data[b];
    if (length < 0 || length > p.maxQueryLen) {
      refuse("queryStartLoc[%d] is %d after %d, of at most %d tokens", b + 1, starts.data[b + 1], starts.data[b],
             p.maxQueryLen);
    }
  }
  if (starts.data[p.numSeqs] != tokens) {
    refuse("queryStartLoc ends with %d, q has %lld tokens", starts.data[p.numSeqs], static_cast<long long>(tokens));
  }
}

void check_tables(const AttnParams &p, const BatchInts &ints, int64_t numBlocks) {
  check_range("maxBlocksPerSeq", p.maxBlocksPerSeq, 0, INT_MAX);
  check_length("blockTables", ints.blockTables, int64_t{p.numSeqs} * p.maxBlocksPerSeq);
  for (int b = 0; b < p.numSeqs; b++) {
    int64_t blocks = (int64_t{ints.seqLens.data[b]} + p.blockSize - 1) / p.blockSize;
    if (blocks > p.maxBlocksPerSeq) refuse("seqLens[%d] = %d exceeds its block table", b, ints.seqLens.data[b]);
    const int *table = ints.blockTables.data + int64_t{b} * p.maxBlocksPerSeq;
    for (int64_t i = 0; i < blocks; i++) {
      if (table[i] < 0 || table[i] >= numBlocks) {
        refuse("blockTables[%d][%lld] = %d is outside the cache's blocks 0 to %lld", b, static_cast<long long>(i),
               table[i], static_cast<long long>(numBlocks - 1));
      }
    }
  }
}

/** Ranges rise and do not overlap, which the kernels' search relies on. */
void check_ranges(const AttnParams &p, const Ints &ranges) {
  int64_t before = int64_t{p.numSeqs} + 1;
  if (ranges.count < before || ranges.data[0] != before) refuse("mmRanges does not begin with its starts");
  for (int b = 0; b < p.numSeqs; b++) {
    int first = ranges.data[b], end = ranges.data[b + 1], previous = -1;
    if (end < first || end > ranges.count || (end - first) % 2 != 0) refuse("mmRanges[%d] is %d", b + 1, end);
    for (int i = first; i < end; i += 2) {
      if (ranges.data[i] <= previous || ranges.data[i + 1] < ranges.data[i]) {
        refuse("mmRanges of sequence %d do not rise", b);
      }
      previous = ranges.data[i + 1];
    }
  }
}

}  // namespace

void check_params(const AttnParams &p, int order, const AttentionExtents &extents) {
  check_sizes(p, extents.tokens);
  if (extents.numBlocks == 0) check_dense(p, order, extents);
  else check_paged(p, order, extents.valueInKey);
  check_operands(p, order, extents);
}

void check_ints(const AttnParams &p, const BatchInts &ints, const AttentionExtents &extents) {
  check_length("seqLens", ints.seqLens, p.numSeqs);
  check_length("queryOffsets", ints.queryOffsets, p.numSeqs);
  for (int b = 0; b < p.numSeqs; b++) {
    check_range("seqLens", ints.seqLens.data[b], 0, p.maxSeqLen);
    check_range("queryOffsets", ints.queryOffsets.data[b], -kMaxPosition, kMaxPosition);
  }
  if (extents.numBlocks > 0) {
    check_queries(p, ints.queryStartLoc, extents.tokens);
    check_tables(p, ints, extents.numBlocks);
  } else if (ints.queryStartLoc.data || ints.blockTables.data) {
    refuse("a dense batch has neither queryStartLoc nor blockTables");
  }
  if (p.flags & FEATURE_MIXED_CAUSAL) check_length("causalFlags", ints.causalFlags, p.numSeqs);
  if (p.flags & FEATURE_RSWA) {
    check_length("rswaPrefixLens", ints.rswaPrefixLens, p.numSeqs);
    for (int b = 0; b < p.numSeqs; b++) check_range("rswaPrefixLens", ints.rswaPrefixLens.data[b], 0, INT_MAX);
  }
  if (p.flags & FEATURE_MM_PREFIX) check_ranges(p, ints.mmRanges);
  if (p.flags & FEATURE_DROPOUT) {
    check_length("dropout", ints.dropout, 2);
    check_range("dropout[1]", ints.dropout.data[1], 0, kDropoutUnits - 1);
  }
}

}  // namespace tfjs_attention

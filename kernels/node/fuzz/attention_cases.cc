#include "cases.h"
#include "ops.h"

namespace tfjs_attention {
namespace {

struct Batch {
  std::vector<int> starts, seqLens, offsets, tables, causal, prefixes, ranges;
  int tokens = 0, longestQuery = 0, longest = 0, blocksPerSeq = 0;
};

Batch draw_batch(Random &random, int numSeqs, bool paged, int blockSize, int numBlocks) {
  Batch b;
  int queryLen = random.between(1, 40), keys = random.between(0, 60);
  b.blocksPerSeq = paged ? random.between(1, 6) : 0;
  b.starts.push_back(0);
  b.ranges.assign(static_cast<size_t>(numSeqs) + 1, numSeqs + 1);
  for (int i = 0; i < numSeqs; i++) {
    int length = paged ? random.between(0, random.chance(60) ? 1 : 30) : queryLen;
    b.starts.push_back(b.starts.back() + length);
    int most = paged ? b.blocksPerSeq * blockSize : keys;
    b.seqLens.push_back(random.between(0, most < 90 ? most : 90));
    b.offsets.push_back(random.chance(80) ? b.seqLens.back() - length : random.between(-50, 100));
    b.longestQuery = length > b.longestQuery ? length : b.longestQuery;
    b.longest = b.seqLens.back() > b.longest ? b.seqLens.back() : b.longest;
    for (int j = 0; j < b.blocksPerSeq; j++) b.tables.push_back(random.between(0, numBlocks - 1));
    b.causal.push_back(random.between(0, 1));
    b.prefixes.push_back(random.between(0, 9));
    for (int at = 0; random.chance(50);) {
      int first = at + random.between(0, 20), last = first + random.between(0, 20);
      b.ranges.push_back(first);
      b.ranges.push_back(last);
      at = last + 1;
    }
    b.ranges[static_cast<size_t>(i) + 1] = static_cast<int>(b.ranges.size());
  }
  if (!paged) b.longest = keys;
  b.tokens = b.starts.back();
  return b;
}

/** Score tensors that broadcast along random axes; strides as the package gives them. */
void draw_broadcast(Random &random, const AttnParams &p, int64_t tokens, int entries, int *strides,
                    std::vector<int64_t> &dims) {
  int64_t sizes[4] = {entries, p.numHeads, tokens, p.maxSeqLen}, stride = 1;
  dims.assign(4, 1);
  for (int axis = 3; axis >= 0; axis--) {
    bool broad = random.chance(30);
    dims[static_cast<size_t>(axis)] = broad ? 1 : sizes[axis];
    strides[axis] = broad || sizes[axis] == 1 ? 0 : static_cast<int>(stride);
    stride *= dims[static_cast<size_t>(axis)];
  }
}

void set_strides(int order, int64_t tokens, int64_t heads, int64_t size, int *batch, int *token, int *head) {
  *batch = order == kPacked ? 0 : static_cast<int>(tokens * heads * size);
  *token = static_cast<int>(order == kBnsh ? size : heads * size);
  *head = static_cast<int>(order == kBnsh ? tokens * size : size);
}

std::vector<int64_t> tensor_dims(int order, int64_t entries, int64_t tokens, int64_t heads, int64_t size) {
  if (order == kPacked) return {tokens, heads, size};
  if (order == kBnsh) return {entries, heads, tokens, size};
  return {entries, tokens, heads, size};
}

void draw_features(Random &random, AttnParams &p) {
  p.softmaxScale = random.real();
  p.logitsSoftCap = random.chance(30) ? 2.0f : 0.0f;
  p.windowLeft = random.chance(30) ? random.between(0, 30) : -1;
  p.windowRight = random.chance(30) ? random.between(0, 30) : -1;
  p.chunkSize = random.chance(30) ? random.between(1, 20) : 0;
  p.chunkLookback = random.between(0, 2);
  p.flags = random.between(0, 2 * FEATURE_DROPOUT - 1);
  p.qqBiasSize = p.flags & FEATURE_QQ_BIAS ? random.between(1, 9) : 0;
}

/** Nine lengths, then the sections. */
FuzzTensor pack_ints(const Batch &b, bool paged, int flags) {
  const std::vector<int> none, dropout = {7, 1 << 22};
  const std::vector<int> *sections[] = {paged ? &b.starts : &none,
                                        &b.seqLens,
                                        &b.offsets,
                                        paged ? &b.tables : &none,
                                        flags & FEATURE_MIXED_CAUSAL ? &b.causal : &none,
                                        flags & FEATURE_RSWA ? &b.prefixes : &none,
                                        flags & FEATURE_MM_PREFIX ? &b.ranges : &none,
                                        flags & FEATURE_DROPOUT ? &dropout : &none,
                                        &none};
  std::vector<int> packed;
  for (const auto *section : sections) packed.push_back(static_cast<int>(section->size()));
  for (const auto *section : sections) packed.insert(packed.end(), section->begin(), section->end());
  return words(packed);
}

FuzzTensor when(bool given, FuzzTensor tensor) {
  return given ? tensor : FuzzTensor{tensor.type, {0}, {}};
}

}  // namespace

FuzzCase draw_attention(Random &random, bool paged) {
  Call<CacheParams> cache = draw_cache(random);
  const CacheParams &c = cache.params;
  Call<AttnParams> call = {};
  AttnParams &p = call.params;
  draw_features(random, p);
  p.numSeqs = random.between(1, 4);
  Batch b = draw_batch(random, p.numSeqs, paged, c.blockSize, cache.header.numBlocks);
  int order = paged ? kPacked : random.between(kBsnh, kBnsh), group = random.between(1, 5);
  call.header = {kWireVersion, random.between(0, 3), order, paged ? cache.header.numBlocks : 0,
                 paged ? cache.header.cacheBits : 0};
  p.numKvHeads = c.numKvHeads;
  p.numHeads = group * p.numKvHeads;
  p.headSize = c.headSize;
  p.valueHeadSize = c.valueHeadSize;
  p.kScale = p.vScale = 0.5f;
  p.kvDtype = paged ? c.kvDtype : KV_FLOAT32;
  p.blockSize = paged ? c.blockSize : 0;
  p.maxBlocksPerSeq = b.blocksPerSeq;
  p.maxQueryLen = b.longestQuery;
  p.maxSeqLen = b.longest;
  int64_t tokens = paged ? b.tokens : b.longestQuery, heads = p.numHeads, keys = paged ? c.blockSize : b.longest;
  int keyOrder = paged ? static_cast<int>(kBsnh) : order, entries = paged ? 1 : p.numSeqs;
  set_strides(order, tokens, heads, p.headSize, &p.qStrideBatch, &p.qStrideToken, &p.qStrideHead);
  set_strides(order, tokens, heads, p.valueHeadSize, &p.outStrideBatch, &p.outStrideToken, &p.outStrideHead);
  set_strides(order, tokens, heads, 1, &p.lseStrideBatch, &p.lseStrideToken, &p.lseStrideHead);
  set_strides(keyOrder, keys, p.numKvHeads, p.headSize, &p.kStrideBatch, &p.kStrideToken, &p.kStrideHead);
  set_strides(keyOrder, keys, p.numKvHeads, p.valueHeadSize, &p.vStrideBatch, &p.vStrideToken, &p.vStrideHead);
  std::vector<int64_t> biasDims, maskDims;
  int strides[4];
  draw_broadcast(random, p, tokens, entries, strides, biasDims);
  if (p.flags & FEATURE_BIAS) {
    p.biasStrideBatch = strides[0], p.biasStrideHead = strides[1], p.biasStrideToken = strides[2],
    p.biasStrideKey = strides[3];
  }
  draw_broadcast(random, p, tokens, entries, strides, maskDims);
  if (p.flags & FEATURE_MASK) {
    p.maskStrideBatch = strides[0], p.maskStrideHead = strides[1], p.maskStrideToken = strides[2],
    p.maskStrideKey = strides[3];
  }

  FuzzTensor mask = floats(random, maskDims);
  mask.type = kBool;
  mask.bytes.resize(mask.bytes.size() / 4);
  std::vector<FuzzTensor> inputs = {call_words(call), pack_ints(b, paged, p.flags), words({}),
                                    floats(random, tensor_dims(order, entries, tokens, heads, p.headSize))};
  if (paged) {
    inputs.push_back(cache_tensor(random, cache));
  } else {
    inputs.push_back(floats(random, tensor_dims(order, entries, keys, p.numKvHeads, p.headSize)));
    inputs.push_back(floats(random, tensor_dims(order, entries, keys, p.numKvHeads, p.valueHeadSize)));
  }
  inputs.push_back(when(p.flags & FEATURE_BIAS, floats(random, biasDims)));
  inputs.push_back(when(p.flags & FEATURE_MASK, mask));
  inputs.push_back(when(p.flags & FEATURE_ALIBI, floats(random, {heads})));
  inputs.push_back(when(p.flags & FEATURE_SINKS, floats(random, {heads})));
  inputs.push_back(when(p.flags & FEATURE_QQ_BIAS, floats(random, {p.qqBiasSize, p.qqBiasSize})));
  return {op_named(paged ? "TfjsAttnPaged" : "TfjsAttnPrefill"), inputs, random.between(1, 2)};
}

FuzzCase draw_backward(Random &random) {
  FuzzCase fuzzed = draw_attention(random, false);
  Call<AttnParams> call;
  std::memcpy(&call, fuzzed.inputs[0].bytes.data(), sizeof call);
  const AttnParams &p = call.params;
  std::vector<int64_t> rows = fuzzed.inputs[3].dims, out = rows;
  rows.pop_back();
  out[3] = p.valueHeadSize;
  // As no forward call would give them: the op may not take them for what they should be.
  for (int i = 0; i < 2; i++) {
    fuzzed.inputs.push_back(floats(random, out));
    fuzzed.inputs.push_back(floats(random, rows));
  }
  std::vector<int> wants;
  const int features[] = {0, 0, 0, FEATURE_BIAS, FEATURE_ALIBI, FEATURE_QQ_BIAS};
  for (int i = 0; i < 6; i++) {
    bool there = features[i] == 0 || (p.flags & features[i]);
    if (there && random.chance(50)) wants.insert(wants.begin() + random.between(0, static_cast<int>(wants.size())), i);
  }
  fuzzed.op = op_named("TfjsAttnBackward");
  fuzzed.inputs.push_back(words(wants));
  fuzzed.outputs = static_cast<int>(wants.size());
  return fuzzed;
}

}  // namespace tfjs_attention

// Every promise that the kernels take for granted, checked against the tensors that an op was given.
#ifndef TFJS_ATTENTION_NODE_ATTENTION_CHECKS_H
#define TFJS_ATTENTION_NODE_ATTENTION_CHECKS_H
#include "call.h"

namespace tfjs_attention {

/** How many elements an operand has. */
struct Extent {
  const char *name;
  int64_t count;
};

/** Query tokens of the whole batch (packed) or of each sequence (dense), and the cache that keys lie in (paged). */
struct AttentionExtents {
  int64_t tokens;
  Extent q, k, v, bias, mask, alibiSlopes, sinks, qqBias;
  /** Blocks of the cache; 0 = dense. */
  int64_t numBlocks;
  /** Values are the first lanes of keys. */
  bool valueInKey;
};

/** Sizes, flags, strides and which operands there are. Refuses what does not fit. */
void check_params(const AttnParams &p, int order, const AttentionExtents &extents);

/** Lengths, offsets, tables and ranges. The params were checked. */
void check_ints(const AttnParams &p, const BatchInts &ints, const AttentionExtents &extents);

}  // namespace tfjs_attention
#endif

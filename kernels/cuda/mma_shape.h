// Shapes of the prefill kernel on mma.sync.
#ifndef TFJS_ATTENTION_CUDA_MMA_SHAPE_H
#define TFJS_ATTENTION_CUDA_MMA_SHAPE_H
#include "prefill_plan.h"

/** Groups of 64 query tokens, keys a tile, and shared memory of a block: queries, then one tile of keys and values. */
constexpr int mma_groups(int head, int parts) { return head * parts <= 128 ? 2 : 1; }
constexpr int mma_keys(int head, int parts) { return head * parts >= 256 ? 32 : 64; }
constexpr int mma_bytes(int head, int parts) {
  return (mma_groups(head, parts) * 64 + 2 * mma_keys(head, parts)) * head * parts * 2;
}
/** Room for what hooks read of 64 rows. */
constexpr int MMA_FACTS = 64 * 96;

/** Whether a block finds room on this device. */
inline bool mma_fits(const PrefillPlan &plan, int sharedBytes) {
  return mma_bytes(plan.head, plan.parts) + mma_groups(plan.head, plan.parts) * MMA_FACTS <= sharedBytes;
}

#endif

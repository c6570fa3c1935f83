// How a prefill call is laid out: which operands are copied to 16-bit ones first, and where to.
#ifndef TFJS_ATTENTION_CUDA_PREFILL_PLAN_H
#define TFJS_ATTENTION_CUDA_PREFILL_PLAN_H
#include "attention.h"

struct PrefillPlan {
  /** Padded head size; parts of an operand, whether they are float16 (else bfloat16), whether they have units. */
  int head, parts, half, units;
  /** Whether more than bounds of a row decides about scores. */
  int scored;
  int stagesQuery, stagesKeys;
  int queryTokens, keyTiles, redoTiles;
  /** Byte offsets into the workspace. */
  size_t redo, query, queryUnits, keys, keyUnits, bytes;
};

/** False where the path, CUDA_PATH_HOPPER or CUDA_PATH_MMA, does not take the problem. */
bool prefill_plan(const AttnParams &p, const CudaOptions &o, int path, PrefillPlan *plan);

#endif

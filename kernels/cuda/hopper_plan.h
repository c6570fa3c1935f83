// How a call is laid out for the Hopper path: which operands are copied to 16-bit ones first, and where to.
#ifndef TFJS_ATTENTION_CUDA_HOPPER_PLAN_H
#define TFJS_ATTENTION_CUDA_HOPPER_PLAN_H
#include "attention.h"

struct HopperPlan {
  /** Padded head size, parts of an operand, whether parts are float16 (else bfloat16). */
  int head, parts, half;
  int stagesQuery, stagesKeys;
  int queryTokens, keyTiles, redoTiles;
  /** Byte offsets into the workspace. */
  size_t redo, query, queryUnits, keys, keyUnits, bytes;
};

/** False where the path does not take the problem. */
bool hopper_plan(const AttnParams &p, const CudaOptions &o, HopperPlan *plan);

#endif

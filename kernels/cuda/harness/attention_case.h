// Runs a recorded attention call on one path in one precision.
#ifndef TFJS_ATTENTION_CUDA_HARNESS_ATTENTION_CASE_H
#define TFJS_ATTENTION_CUDA_HARNESS_ATTENTION_CASE_H
#include "../attention.h"
#include "cases.h"
#include "judge.h"

struct Run {
  const char *name;
  int path, precision;
  /** Queries, float32 keys and output in the 16-bit type of the precision instead. */
  bool narrow;
};

/** False where the path does not take the call. Throws when CUDA fails. */
bool run_attention(const Case &c, const Run &run, Verdict *verdict);

#endif

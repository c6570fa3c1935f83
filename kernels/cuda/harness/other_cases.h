// Runs recorded cache, merge and conversion calls, and block copies.
#ifndef TFJS_ATTENTION_CUDA_HARNESS_OTHER_CASES_H
#define TFJS_ATTENTION_CUDA_HARNESS_OTHER_CASES_H
#include "cases.h"
#include "judge.h"

void run_cache(const Case &c, Verdict *verdict);
void run_merge(const Case &c, Verdict *verdict);
void run_fp8(const Case &c, Verdict *verdict);
void run_copies(Verdict *verdict);

#endif

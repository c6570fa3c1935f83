// Runs a file of cases on the device: `harness FILE [--every N] [--only TEXT]`. Exit code 1 when one fails. --every N
// takes each Nth case, for slow checkers.
#include <cstdlib>
#include <cstring>
#include <map>
#include "attention_case.h"
#include "memory.h"
#include "other_cases.h"

namespace {

const Run RUNS[] = {
    {"plain float32", CUDA_PATH_PLAIN, CUDA_FLOAT32, false},
    {"auto float32", CUDA_PATH_AUTO, CUDA_FLOAT32, false},
    {"hopper float32", CUDA_PATH_HOPPER, CUDA_FLOAT32, false},
    {"hopper tensorfloat32", CUDA_PATH_HOPPER, CUDA_TENSORFLOAT32, false},
    {"hopper bfloat16", CUDA_PATH_HOPPER, CUDA_BFLOAT16, false},
    {"hopper float16", CUDA_PATH_HOPPER, CUDA_FLOAT16, false},
    {"hopper bfloat16, narrow", CUDA_PATH_HOPPER, CUDA_BFLOAT16, true},
    {"hopper float16, narrow", CUDA_PATH_HOPPER, CUDA_FLOAT16, true},
    {"mma bfloat16", CUDA_PATH_MMA, CUDA_BFLOAT16, false},
    {"mma float16", CUDA_PATH_MMA, CUDA_FLOAT16, false},
    {"mma float32", CUDA_PATH_MMA, CUDA_FLOAT32, false},
    {"mma bfloat16, narrow", CUDA_PATH_MMA, CUDA_BFLOAT16, true},
    {"mma float16, narrow", CUDA_PATH_MMA, CUDA_FLOAT16, true},
};

struct Total {
  int passed = 0, failed = 0, refused = 0;
  double share = 0;
};
std::map<std::string, Total> totals;

void count(const std::string &what, const std::string &name, const Verdict &v) {
  Total &t = totals[what];
  t.share = std::fmax(t.share, v.passed ? v.share : 0);
  if (v.passed) {
    t.passed++;
    return;
  }
  if (t.failed++ < 12) std::printf("FAIL %s: %s: %s\n", what.c_str(), name.c_str(), v.reason.c_str());
}

void run_case(const Case &c) {
  Verdict v;
  switch (c.kind) {
    case CASE_ATTENTION:
      for (const Run &run : RUNS) {
        Verdict each;
        if (run_attention(c, run, &each)) count(run.name, c.name, each);
        else totals[run.name].refused++;
      }
      return;
    case CASE_CACHE_WRITE:
    case CASE_CACHE_GATHER:
      run_cache(c, &v);
      return count("cache", c.name, v);
    case CASE_MERGE_STATES:
      run_merge(c, &v);
      return count("merge", c.name, v);
    case CASE_FP8_ENCODE:
    case CASE_FP8_DECODE:
      run_fp8(c, &v);
      return count("fp8", c.name, v);
  }
}

}  // namespace

int main(int argc, char **argv) {
  const char *path = nullptr, *only = nullptr;
  int every = 1, index = 0, failed = 0;
  for (int i = 1; i < argc; i++) {
    if (!std::strcmp(argv[i], "--every") && i + 1 < argc) every = std::atoi(argv[++i]);
    else if (!std::strcmp(argv[i], "--only") && i + 1 < argc) only = argv[++i];
    else path = argv[i];
  }
  if (!path || every < 1) {
    std::fprintf(stderr, "usage: harness FILE [--every N] [--only TEXT]\n");
    return 2;
  }
  try {
    Verdict copies;
    run_copies(&copies);
    count("copies", "blocks of many sizes", copies);
    CaseReader reader(path);
    for (Case c; reader.next(&c); index++) {
      if (index % every != 0 || (only && c.name.find(only) == std::string::npos)) continue;
      try {
        run_case(c);
      } catch (const std::exception &error) {
        std::printf("ERROR %s: %s\n", c.name.c_str(), error.what());
        return 1;
      }
    }
  } catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  for (auto &[name, t] : totals) {
    std::printf("%s: %d passed, %d failed, %d not taken; largest error %.2f of its limit\n", name.c_str(), t.passed,
                t.failed, t.refused, t.share);
    failed += t.failed;
  }
  return failed > 0;
}

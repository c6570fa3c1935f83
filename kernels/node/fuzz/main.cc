// Runs ops on random calls, whole and corrupted: `fuzz [cases] [seed] [instruction set]`. AddressSanitizer ends it at
// the first byte out of place; it ends itself where a whole call is refused, or one thread and three differ.
#include <cstdio>
#include <cstdlib>
#include "cases.h"
#include "ops.h"

using namespace tfjs_attention;

namespace {

[[noreturn]] void give_up(uint64_t seed, const FuzzCase &fuzzed, const std::string &what) {
  std::fprintf(stderr, "case %llu, %s: %s\n", static_cast<unsigned long long>(seed), kOps[fuzzed.op].name,
               what.c_str());
  std::exit(1);
}

void set_threads(FuzzCase &fuzzed, int threads) { std::memcpy(&fuzzed.inputs[0].bytes[4], &threads, 4); }

/** Ops whose first input is a params tensor, which names the threads. */
bool has_params(const FuzzCase &fuzzed) { return std::string(kOps[fuzzed.op].inputs[0]) == "params: int32"; }

void run_whole(uint64_t seed, FuzzCase &fuzzed) {
  Outcome outcome = run_mock(fuzzed.op, fuzzed.inputs, fuzzed.outputs);
  if (outcome.code != kOk) give_up(seed, fuzzed, "a whole call is refused: " + outcome.message);
  // A slot that is written twice keeps whichever came last.
  bool racing = std::string(kOps[fuzzed.op].name) == "TfjsAttnReshapeAndCache";
  if (!has_params(fuzzed) || racing) return;
  set_threads(fuzzed, 3);
  Outcome other = run_mock(fuzzed.op, fuzzed.inputs, fuzzed.outputs);
  if (other.outputs != outcome.outputs) give_up(seed, fuzzed, "other bits on three threads");
}

}  // namespace

int main(int argc, char **argv) {
  uint64_t cases = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100000;
  uint64_t first = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  if (argc > 3 && !use_kernels(argv[3])) {
    std::fprintf(stderr, "no kernels for %s here\n", argv[3]);
    return 2;
  }
  use_mock_tensorflow();
  uint64_t refused = 0, corrupted = 0;
  for (uint64_t seed = first; seed < first + cases; seed++) {
    Random random(seed);
    FuzzCase fuzzed = draw_case(random);
    if (random.chance(10)) {
      run_whole(seed, fuzzed);
      continue;
    }
    corrupt(fuzzed, random);
    corrupted++;
    if (run_mock(fuzzed.op, fuzzed.inputs, fuzzed.outputs).code != kOk) refused++;
  }
  std::printf("%llu cases on %s: %llu corrupted, %llu of those refused\n", static_cast<unsigned long long>(cases),
              kernels()->name, static_cast<unsigned long long>(corrupted), static_cast<unsigned long long>(refused));
  return 0;
}

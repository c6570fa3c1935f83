#include "ceiling.h"
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <mutex>
#include "op.h"
#include "cpu/pool.h"

namespace tfjs_attention {
namespace {

enum Kind : uint32_t { kMadd = 0, kTile = 1, kRead = 2 };

/** Operations a lane and round: 12 chains, and a tile of 4 rows by 2 vectors, of multiply-adds. */
constexpr double kMaddFlops = 24, kTileFlops = 16;
/** Floats that ceilingRead takes at a time, in eight streams. */
constexpr size_t kReadStep = 8192;
/** 64 steps of 4 rows on the left, of 2 vectors of at most 16 lanes on the right. */
constexpr size_t kTileFloats = 64 * 4 + 64 * 32;

struct Job {
  const AttnKernels *kernels;
  uint32_t kind, rounds;
  const float *memory;
  size_t floats;
  uint32_t threads;
};

void work(void *context, u32 begin, u32 end, void *) {
  const Job &job = *static_cast<const Job *>(context);
  alignas(64) float tile[kTileFloats] = {0};
  volatile float sink = 0;
  for (u32 part = begin; part < end; part++) {
    if (job.kind == kMadd) {
      sink = job.kernels->ceilingMadd(job.rounds, 0.5f, 0.5f);
    } else if (job.kind == kTile) {
      sink = job.kernels->ceilingTile(job.rounds, tile, tile + 256);
    } else {
      size_t steps = job.floats / kReadStep;
      size_t from = steps * part / job.threads, to = steps * (part + 1) / job.threads;
      sink = job.kernels->ceilingRead(job.memory + from * kReadStep, static_cast<u32>((to - from) * kReadStep));
    }
  }
  (void)sink;
}

/** Grown on demand, kept, and filled once: pages that were never written may all be one page of zeros. */
std::shared_ptr<float> memory_of(size_t floats) {
  static std::mutex guard;
  static std::shared_ptr<float> memory;
  static size_t length = 0;
  std::lock_guard<std::mutex> lock(guard);
  if (length < floats) {
    memory.reset(static_cast<float *>(std::aligned_alloc(4096, floats * sizeof(float))), std::free);
    length = memory ? floats : 0;
    if (memory) std::fill_n(memory.get(), floats, 1.0f);
  }
  return memory;
}

}  // namespace

napi_value ceiling(napi_env env, napi_callback_info info) {
  size_t count = 3;
  napi_value arguments[3], result;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  uint32_t kind = 0, threads = 1;
  double amount = 0;
  napi_get_value_uint32(env, arguments[0], &kind);
  napi_get_value_double(env, arguments[1], &amount);
  napi_get_value_uint32(env, arguments[2], &threads);
  threads = std::clamp(threads, 1u, 256u);
  // One call of ceilingRead takes its floats as 32 bits.
  amount = std::clamp(amount, 1.0, 8e9);
  Job job{kernels(), kind, static_cast<uint32_t>(std::min(amount, 4e9)), nullptr, 0, threads};
  std::shared_ptr<float> memory;
  double done = static_cast<double>(job.rounds) * threads * job.kernels->lanes * (kind == kMadd ? kMaddFlops : kTileFlops);
  if (kind == kRead) {
    size_t steps = std::max<size_t>(1, static_cast<size_t>(amount / (kReadStep * sizeof(float))));
    job.floats = steps * kReadStep;
    memory = memory_of(job.floats);
    job.memory = memory.get();
    done = static_cast<double>(job.floats) * sizeof(float);
  }
  if ((kind == kRead && !memory) || attn_pool_run(threads, threads, 0, work, &job) != 0) {
    napi_throw_error(env, nullptr, "no memory to measure with");
    return nullptr;
  }
  napi_create_double(env, done, &result);
  return result;
}

}  // namespace tfjs_attention

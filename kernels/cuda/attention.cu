// Chooses a path for a call, counts its workspace, launches.
#include "launch.h"
#include "mma_shape.h"

namespace {

/** Below so many query tokens a sequence, a prefill kernel's tile would be mostly empty. */
constexpr int PREFILL_TOKENS = 64;
constexpr int KNOWN_FEATURES = FEATURE_DROPOUT - 1;

bool exact(const CudaOptions &o) { return o.precision == CUDA_FLOAT32 || o.precision == CUDA_TENSORFLOAT32; }

struct Plan {
  int path, splits;
  /** Whether a prefill kernel serves the path, and how. */
  bool prefill;
  PrefillPlan layout;
  size_t bytes;
};

struct Device {
  int major, sharedBytes, multiprocessors;
};

/** Of the current device, asked once for each. */
Device device() {
  constexpr int MOST = 64;
  static Device known[MOST] = {};
  int ordinal = 0;
  if (cudaGetDevice(&ordinal) != cudaSuccess || ordinal >= MOST) return {};
  Device &d = known[ordinal];
  if (d.multiprocessors == 0) {
    int major = 0, sharedBytes = 0, multiprocessors = 0;
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, ordinal);
    cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, ordinal);
    cudaDeviceGetAttribute(&sharedBytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, ordinal);
    d.major = major;
    d.sharedBytes = sharedBytes;
    d.multiprocessors = multiprocessors;
  }
  return d;
}

/**
 * Splits of the keys, at least `least` keys each, that leave few multiprocessors idle in the last round of blocks: the
 * smallest number within 5 % of the best.
 */
int splits_for(const AttnParams &p, int blocks, int atOnce, int least) {
  int most = (p.maxSeqLen + least - 1) / least;
  if (blocks == 0 || blocks >= 4 * atOnce) return 1;
  auto use = [&](int splits) {
    int all = blocks * splits, rounds = (all + atOnce - 1) / atOnce;
    return (double)all / (rounds * atOnce);
  };
  double best = 0;
  for (int splits = 1; splits <= most && (splits - 1) * blocks < 2 * atOnce; splits++) {
    if (use(splits) > best) best = use(splits);
  }
  int splits = 1;
  while (splits < most && use(splits) < 0.95 * best) splits++;
  return splits;
}

size_t states_bytes(const AttnParams &p, int splits) {
  size_t rows = (size_t)p.maxQueryLen * (p.numHeads / p.numKvHeads) * p.numKvHeads * p.numSeqs;
  return splits > 1 ? splits * rows * (p.valueHeadSize + 2) * sizeof(float) : 0;
}

int row_tiles(const AttnParams &p, int rows) {
  int all = p.maxQueryLen * (p.numHeads / p.numKvHeads);
  return (all + rows - 1) / rows * p.numKvHeads * p.numSeqs;
}

bool plan_plain(const AttnParams &p, const Device &d, Plan *plan) {
  plan->path = CUDA_PATH_PLAIN;
  plan->splits = splits_for(p, row_tiles(p, 32), 2 * d.multiprocessors, 256);
  plan->bytes = states_bytes(p, plan->splits);
  return p.headSize <= 576 && p.valueHeadSize <= 576;
}

/** Two blocks find room in a multiprocessor of Hopper; each has at least so many keys. */
bool plan_decode(const AttnParams &p, const CudaOptions &o, const Device &d, Plan *plan) {
  constexpr int BLOCKS = 2, LEAST = 128;
  if (d.major < 8 || !decode_takes(p, d.sharedBytes)) return false;
  plan->path = CUDA_PATH_MMA;
  plan->splits = splits_for(p, row_tiles(p, decode_rows(p, exact(o))), BLOCKS * d.multiprocessors, LEAST);
  plan->bytes = states_bytes(p, plan->splits);
  return true;
}

bool plan_prefill(const AttnParams &p, const CudaOptions &o, const Device &d, int path, Plan *plan) {
  if (path == CUDA_PATH_HOPPER ? d.major != 9 : d.major < 8) return false;
  if (!prefill_plan(p, o, path, &plan->layout)) return false;
  if (path == CUDA_PATH_MMA && !mma_fits(plan->layout, d.sharedBytes)) return false;
  plan->path = path;
  plan->prefill = true;
  plan->splits = 1;
  plan->bytes = plan->layout.bytes;
  return true;
}

bool make_plan(const AttnParams &p, const CudaOptions &o, Plan *plan) {
  if (p.flags & ~KNOWN_FEATURES || p.kvDtype < 0 || p.kvDtype > KV_INT4_PER_TOKEN_HEAD) return false;
  Device d = device();
  *plan = {};
  plan->splits = 1;
  bool many = p.maxQueryLen >= PREFILL_TOKENS;
  switch (o.path) {
    case CUDA_PATH_PLAIN:
      return plan_plain(p, d, plan);
    case CUDA_PATH_HOPPER:
      return plan_prefill(p, o, d, CUDA_PATH_HOPPER, plan);
    case CUDA_PATH_MMA:
      if (!many && plan_decode(p, o, d, plan)) return true;
      return plan_prefill(p, o, d, CUDA_PATH_MMA, plan) || plan_decode(p, o, d, plan);
    case CUDA_PATH_AUTO:
      if (many && plan_prefill(p, o, d, CUDA_PATH_HOPPER, plan)) return true;
      if (many && plan_prefill(p, o, d, CUDA_PATH_MMA, plan)) return true;
      return plan_decode(p, o, d, plan) || plan_plain(p, d, plan);
    default:
      return false;
  }
}

}  // namespace

extern "C" int attn_cuda_path(const AttnParams *p, const CudaOptions *o) {
  Plan plan;
  return make_plan(*p, *o, &plan) ? plan.path : -1;
}

extern "C" size_t attn_cuda_workspace_bytes(const AttnParams *p, const CudaOptions *o) {
  Plan plan;
  return make_plan(*p, *o, &plan) ? plan.bytes : 0;
}

extern "C" int attn_cuda_attention(const AttnParams *p, const AttnOperands *operands, const CudaOptions *o) {
  Plan plan;
  if (!make_plan(*p, *o, &plan) || o->workspaceBytes < plan.bytes) return cudaErrorInvalidValue;
  if (p->numSeqs == 0 || p->maxQueryLen == 0) return cudaSuccess;
  Launch c = {*p, *operands, o->qDtype, o->outDtype, plan.splits, (float *)o->workspace};
  c.multiprocessors = device().multiprocessors;
  c.sharedBytes = device().sharedBytes;
  cudaStream_t stream = (cudaStream_t)o->stream;
  if (plan.prefill) return prefill_launch(c, plan.layout, plan.path, (char *)o->workspace, stream);
  cudaError_t error = plan.path == CUDA_PATH_MMA ? decode_launch(c, exact(*o), stream) : plain_launch(c, stream);
  return error != cudaSuccess || plan.splits == 1 ? error : combine_launch(c, stream);
}

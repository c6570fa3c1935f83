// What computes where the tensors of an op lie: the processor's kernels, or a GPU's. Ops check, a machine does.
#ifndef TFJS_ATTENTION_NODE_MACHINE_H
#define TFJS_ATTENTION_NODE_MACHINE_H
#include <cstddef>
#include <vector>
#include "call.h"

namespace tfjs_attention {

/** Two states and where their merger goes: [tokens, heads, size] and [tokens, heads]. */
struct MergeOperands {
  const float *outA, *lseA, *outB, *lseB;
  /** May be null. */
  const float *sinks;
  float *out, *lse;
  int tokens, heads, size;
};

/** Of fp8 codes, which are int32 to TensorFlow. */
struct Conversion {
  float scale;
  int dtype;
};

/**
 * One for each call of an op. Pointers are into memory of the machine unless they are named `host`. Functions throw
 * OpError, or std::bad_alloc.
 */
class Machine {
 public:
  virtual ~Machine() = default;

  /** Host integers where kernels read them; `uploaded` are the same in memory of the machine, or null. */
  virtual const int *ints(const Ints &host, const int *uploaded) = 0;
  /** `tokens` of a packed batch, else 0. */
  virtual void attention(const AttnParams &p, const AttnOperands &o, int tokens, const CallHeader &header) = 0;
  virtual void merge_states(const MergeOperands &m) = 0;
  virtual void cache_write(const CacheParams &p, const CacheOperands &o, const CallHeader &header) = 0;
  virtual void cache_gather(const CacheParams &p, const CacheOperands &o, const CallHeader &header) = 0;
  virtual void encode_fp8(const float *x, int *codes, size_t count, Conversion conversion) = 0;
  virtual void decode_fp8(const int *codes, float *x, size_t count, Conversion conversion) = 0;
  virtual void zero(void *to, size_t bytes) = 0;
  /** One after another; the two may be the same. */
  virtual void copy(void *to, const void *from, size_t bytes) = 0;
  /** `host` may change afterwards. */
  virtual void upload(void *to, const void *host, size_t bytes) = 0;
  /** Bytes that a tensor can have at most, or 0 where nobody knows. */
  virtual int64_t memory() = 0;
  /** What TfjsAttnDeviceInfo gives; packages/backend-node/src/tensorflow/device_info.ts has the words. */
  virtual std::vector<int> describe() = 0;
};

/** Sections of a batch where kernels read them. Refuses an `uploaded` tensor that cannot be of the same words. */
BatchInts ints_on(Machine &machine, const BatchInts &ints, const Tensor &words, const Tensor &uploaded);

}  // namespace tfjs_attention
#endif

// What rides beside the tensors of an op: one int32 tensor of parameters, one of the batch's integers.
#ifndef TFJS_ATTENTION_NODE_CALL_H
#define TFJS_ATTENTION_NODE_CALL_H
#include <array>
#include <cstring>
#include "op.h"

namespace tfjs_attention {

/** Grows with every change of what ops expect, so that a TypeScript part of another age is refused. */
constexpr int kWireVersion = 4;
/** Largest head size of the kernels. */
constexpr int kMaxHeadSize = 576;
/** The last of CudaPrecision. */
constexpr int kMostPrecision = 3;
/** Positions and lengths stay below, so that windows and chunks of int32 cannot overflow. */
constexpr int kMaxPosition = 1 << 29;

/** How query, output and dense keys lie: [B, S, N, H], [B, N, S, H], or [T, N, H] over a cache. */
enum TensorOrder { kBsnh = 0, kBnsh = 1, kPacked = 2 };
enum CacheBits { kKeyHeadScales = 1, kValueHeadScales = 2, kValueInKey = 4 };

/** The words in front of every params tensor. */
struct CallHeader {
  int version;
  /** Threads to run on; 0 = as TensorFlow has it. */
  int threads;
  /** TensorOrder; of attention only. */
  int order;
  /** Blocks of the cache; 0 = no cache. */
  int numBlocks;
  /** CacheBits: which scales are the cache's, one a head; whether values are the first lanes of keys. */
  int cacheBits;
  /** CudaPrecision of cuda/attention.h; processors compute in float32 always. */
  int precision;
};

/** A params tensor: header, then the struct of abi.h, floats as their bits. */
template <typename Params>
struct Call {
  CallHeader header;
  Params params;
};

template <typename Params>
Call<Params> read_call(Op &op, int index) {
  static_assert(sizeof(Call<Params>) == sizeof(CallHeader) + sizeof(Params), "structs of four-byte fields");
  Tensor words = op.input(index, kInt32, "params");
  int64_t wanted = sizeof(Call<Params>) / 4;
  if (words.count() != wanted) {
    refuse("params has %lld words, not %lld", static_cast<long long>(words.count()), static_cast<long long>(wanted));
  }
  Call<Params> call;
  std::memcpy(&call, words.data<int>(), sizeof call);
  if (call.header.version != kWireVersion) {
    refuse("params are of version %d, the addon is of version %d: rebuild the addon", call.header.version,
           kWireVersion);
  }
  if (call.header.precision < 0 || call.header.precision > kMostPrecision) {
    refuse("precision is %d", call.header.precision);
  }
  if (call.header.threads < 0 || call.header.threads > 4096) refuse("threads is %d", call.header.threads);
  return call;
}

/** Integers inside a tensor; absent where `data` is null. */
struct Ints {
  const int *data = nullptr;
  int64_t count = 0;
};

/** The sections of a batch's ints tensor, in this order: nine lengths (0 = absent), then the sections. */
struct BatchInts {
  Ints queryStartLoc, seqLens, queryOffsets, blockTables, causalFlags, rswaPrefixLens, mmRanges, dropout, slotMapping;
};

constexpr int64_t kSections = 9;

/** In the order of the tensor. */
std::array<Ints *, kSections> sections_of(BatchInts &ints);

/** Refuses sections that the tensor does not hold. */
BatchInts read_ints(const Tensor &words);

}  // namespace tfjs_attention
#endif

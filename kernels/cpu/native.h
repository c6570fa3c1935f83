// The kernels as machine code: one table of functions for each instruction set, and the calls that use threads.
#ifndef TFJS_ATTENTION_CPU_NATIVE_H
#define TFJS_ATTENTION_CPU_NATIVE_H
#include "abi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned int u32;
typedef __SIZE_TYPE__ address;

/** A work item; its size is the table's. */
struct AttnItem;

/** What kernels/README.md calls the ABI, for one instruction set. Functions are safe on any thread at once. */
typedef struct {
  /** "avx512", "avx2", "neon" or "scalar". */
  const char *name;
  /** float32 lanes of a vector. */
  u32 lanes;
  address itemBytes;
  /** Number of work items; writes them unless `items` is null. */
  u32 (*schedule)(const AttnParams *p, const AttnOperands *o, struct AttnItem *items);
  /** Scratch of one thread, which may begin anywhere. */
  address (*scratchBytes)(const AttnParams *p);
  address (*partialBytes)(const AttnParams *p, const AttnOperands *o);
  /** Items [begin, end). */
  void (*run)(const AttnParams *p, const AttnOperands *o, const struct AttnItem *items, u32 begin, u32 end,
              float *partials, void *scratch);
  void (*combine)(const AttnParams *p, const AttnOperands *o, const struct AttnItem *items, u32 count,
                  const float *partials);
  /** Outputs [tokens, heads, size], lse [tokens, heads]; `sinks` and `lse` may be null. */
  void (*mergeStates)(const float *outA, const float *lseA, const float *outB, const float *lseB, const float *sinks,
                      float *out, float *lse, u32 tokens, u32 heads, u32 size);
  /**
   * Gradients of dense attention for items [begin, end): item i is KV head i % K of sequence i / K. Items may run on any
   * threads, those of bias, tree bias and slopes on one. `scratch` may begin anywhere.
   */
  void (*backward)(const AttnParams *p, const AttnOperands *o, const AttnGradients *g, u32 begin, u32 end, void *scratch);
  address (*backwardScratchBytes)(const AttnParams *p);
  /** Tokens [begin, end). */
  void (*cacheWrite)(const CacheParams *p, const CacheOperands *o, u32 begin, u32 end);
  void (*cacheGather)(const CacheParams *p, const CacheOperands *o, u32 begin, u32 end);
  /** float32 to one byte each; `dtype` is a KvDtype. */
  void (*fp8Encode)(const float *x, unsigned char *out, u32 count, float scale, u32 dtype);
  void (*fp8Decode)(const unsigned char *x, float *out, u32 count, float scale, u32 dtype);
  /** What a core can do at most (ceiling.c): 24 and 16 operations a lane and step, and reading `count` floats. */
  float (*ceilingMadd)(u32 steps, float factor, float addend);
  float (*ceilingTile)(u32 steps, const float *a, const float *b);
  float (*ceilingRead)(const float *from, u32 count);
} AttnKernels;

/**
 * The table of the best instruction set that this processor has, or the one named `force`. Null `force` reads the
 * environment variable TFJS_ATTENTION_ISA. Null where that set is unknown, not built, or not what the processor has.
 */
const AttnKernels *attn_kernels(const char *force);

/**
 * Attention on up to `threads` threads, the calling one among them; the same bits whatever their number. The operands
 * were checked. Returns 0, or -1 if memory ran out, and then nothing was written.
 */
int attn_attention(const AttnKernels *kernels, const AttnParams *p, const AttnOperands *o, u32 threads);
/**
 * Gradients of dense attention on up to `threads` threads, with the same promises; KV heads are shared out. Those of bias,
 * tree bias and slopes take one thread.
 */
int attn_gradients(const AttnKernels *kernels, const AttnParams *p, const AttnOperands *o, const AttnGradients *g,
                   u32 threads);
/** Tokens [0, numTokens). No memory is allocated. Slots that occur twice are the caller's error. */
void attn_cache_write(const AttnKernels *kernels, const CacheParams *p, const CacheOperands *o, u32 threads);
void attn_cache_gather(const AttnKernels *kernels, const CacheParams *p, const CacheOperands *o, u32 threads);

#ifdef __cplusplus
}
#endif
#endif

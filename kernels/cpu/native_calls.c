// Whole calls on several threads.
#include "native.h"
#include "pool.h"

/** Multiply-adds, and elements of a cache, below which waking a thread costs more than it saves. */
#define LEAST_SHARED_WORK 500000.0
#define LEAST_SHARED_ELEMENTS 65536.0
/** Tokens of a cache that a thread takes at a time. */
#define CACHE_TOKENS 16

typedef struct {
  const AttnKernels *kernels;
  const AttnParams *params;
  const AttnOperands *operands;
  const struct AttnItem *items;
  float *partials;
} AttentionJob;

static void run_items(void *context, u32 begin, u32 end, void *scratch) {
  const AttentionJob *j = context;
  j->kernels->run(j->params, j->operands, j->items, begin, end, j->partials, scratch);
}

/** At most. */
static double multiply_adds(const AttnParams *p, const AttnOperands *o) {
  double tokens = o->queryStartLoc ? o->queryStartLoc[p->numSeqs] : (double)p->numSeqs * p->maxQueryLen;
  return tokens * p->maxSeqLen * p->numHeads * (p->headSize + p->valueHeadSize);
}

static address whole_lines(address bytes) { return (bytes + 63) & ~(address)63; }

int attn_attention(const AttnKernels *kernels, const AttnParams *p, const AttnOperands *o, u32 threads) {
  u32 count = kernels->schedule(p, o, 0);
  if (count == 0) return 0;
  address itemBytes = whole_lines((address)count * kernels->itemBytes);
  char *workspace = attn_thread_buffer(1, itemBytes + kernels->partialBytes(p, o));
  if (!workspace) return -1;
  struct AttnItem *items = (struct AttnItem *)workspace;
  AttentionJob j = {kernels, p, o, items, (float *)(workspace + itemBytes)};
  kernels->schedule(p, o, items);
  if (multiply_adds(p, o) < LEAST_SHARED_WORK) threads = 1;
  int failed = attn_pool_run(threads, count, kernels->scratchBytes(p), run_items, &j);
  if (!failed) kernels->combine(p, o, items, count, j.partials);
  attn_trim_buffers();
  return failed;
}

typedef struct {
  const AttnKernels *kernels;
  const AttnParams *params;
  const AttnOperands *operands;
  const AttnGradients *gradients;
} GradientsJob;

static void run_heads(void *context, u32 begin, u32 end, void *scratch) {
  const GradientsJob *j = context;
  j->kernels->backward(j->params, j->operands, j->gradients, begin, end, scratch);
}

int attn_gradients(const AttnKernels *kernels, const AttnParams *p, const AttnOperands *o, const AttnGradients *g,
                   u32 threads) {
  GradientsJob j = {kernels, p, o, g};
  int shared = g->dbias || g->dalibiSlopes || g->dqqBias;
  if (shared || multiply_adds(p, o) < LEAST_SHARED_WORK) threads = 1;
  u32 heads = (u32)p->numSeqs * (u32)p->numKvHeads;
  int failed = attn_pool_run(threads, heads, kernels->backwardScratchBytes(p), run_heads, &j);
  attn_trim_buffers();
  return failed;
}

typedef void (*CacheKernel)(const CacheParams *p, const CacheOperands *o, u32 begin, u32 end);

typedef struct {
  CacheKernel kernel;
  const CacheParams *params;
  const CacheOperands *operands;
} CacheJob;

static void run_tokens(void *context, u32 begin, u32 end, void *scratch) {
  const CacheJob *j = context;
  u32 tokens = (u32)j->params->numTokens;
  u32 last = end > tokens / CACHE_TOKENS ? tokens : end * CACHE_TOKENS;
  (void)scratch;
  j->kernel(j->params, j->operands, begin * CACHE_TOKENS, last);
}

static void over_tokens(CacheKernel kernel, const CacheParams *p, const CacheOperands *o, u32 threads) {
  CacheJob j = {kernel, p, o};
  u32 chunks = (u32)p->numTokens / CACHE_TOKENS + ((u32)p->numTokens % CACHE_TOKENS != 0);
  double elements = (double)p->numTokens * p->numKvHeads * (p->headSize + p->valueHeadSize);
  if (elements < LEAST_SHARED_ELEMENTS || attn_pool_run(threads, chunks, 64, run_tokens, &j) != 0) {
    kernel(p, o, 0, (u32)p->numTokens);
  }
}

void attn_cache_write(const AttnKernels *kernels, const CacheParams *p, const CacheOperands *o, u32 threads) {
  over_tokens(kernels->cacheWrite, p, o, threads);
}

void attn_cache_gather(const AttnKernels *kernels, const CacheParams *p, const CacheOperands *o, u32 threads) {
  over_tokens(kernels->cacheGather, p, o, threads);
}

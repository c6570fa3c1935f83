// Speed of the native kernels beside what the core can do, without a host: bench [isa] [cell pattern].
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cpu/native.h"

/** Runs of a cell at least, and at most as long. */
#define LEAST_RUNS 5
#define SECONDS 0.6

/** One thread is timed by its own clock, which stops while others have the core; several by the wall's. */
static clockid_t clockUsed = CLOCK_THREAD_CPUTIME_ID;

static double now(void) {
  struct timespec t;
  clock_gettime(clockUsed, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
  const char *name;
  int queries, keys, heads, kvHeads, size, flags, dtype, blockSize;
} Cell;

static const Cell CELLS[] = {
    {"head S 512 1x32", 512, 512, 1, 1, 32, 0, KV_FLOAT32, 0},
    {"head S 512 1x64", 512, 512, 1, 1, 64, 0, KV_FLOAT32, 0},
    {"head S 512 1x128", 512, 512, 1, 1, 128, 0, KV_FLOAT32, 0},
    {"head causal S 512 1x64", 512, 512, 1, 1, 64, FEATURE_CAUSAL, KV_FLOAT32, 0},
    {"full S 512 8x32", 512, 512, 8, 8, 32, 0, KV_FLOAT32, 0},
    {"full S 1024 8x64", 1024, 1024, 8, 8, 64, 0, KV_FLOAT32, 0},
    {"full S 1024 8x128", 1024, 1024, 8, 8, 128, 0, KV_FLOAT32, 0},
    {"full S 128 8x64", 128, 128, 8, 8, 64, 0, KV_FLOAT32, 0},
    {"causal S 1024 8x64", 1024, 1024, 8, 8, 64, FEATURE_CAUSAL, KV_FLOAT32, 0},
    {"causal S 1024 8x128", 1024, 1024, 8, 8, 128, FEATURE_CAUSAL, KV_FLOAT32, 0},
    {"gqa causal S 1024 32/8x128", 1024, 1024, 32, 8, 128, FEATURE_CAUSAL, KV_FLOAT32, 0},
    {"gqa past S 128 of 2048 32/8x128", 128, 2048, 32, 8, 128, FEATURE_CAUSAL, KV_FLOAT32, 16},
    {"decode S 1024 8x64", 1, 1024, 8, 8, 64, FEATURE_CAUSAL, KV_FLOAT32, 16},
    {"decode S 1024 8x128", 1, 1024, 8, 8, 128, FEATURE_CAUSAL, KV_FLOAT32, 16},
    {"decode S 1024 32/8x128", 1, 1024, 32, 8, 128, FEATURE_CAUSAL, KV_FLOAT32, 16},
    {"decode S 16384 8x64", 1, 16384, 8, 8, 64, FEATURE_CAUSAL, KV_FLOAT32, 16},
    {"decode S 16384 8x128", 1, 16384, 8, 8, 128, FEATURE_CAUSAL, KV_FLOAT32, 16},
    {"decode S 16384 32/8x128", 1, 16384, 32, 8, 128, FEATURE_CAUSAL, KV_FLOAT32, 16},
    {"decode S 65536 8x128", 1, 65536, 8, 8, 128, FEATURE_CAUSAL, KV_FLOAT32, 16},
    {"decode dense S 16384 8x128", 1, 16384, 8, 8, 128, FEATURE_CAUSAL, KV_FLOAT32, 0},
    {"decode S 16384 8x128 float16", 1, 16384, 8, 8, 128, FEATURE_CAUSAL, KV_FLOAT16, 16},
    {"decode S 16384 8x128 bfloat16", 1, 16384, 8, 8, 128, FEATURE_CAUSAL, KV_BFLOAT16, 16},
    {"decode S 16384 8x128 int8", 1, 16384, 8, 8, 128, FEATURE_CAUSAL, KV_INT8, 16},
    {"decode S 16384 8x128 int8_pth", 1, 16384, 8, 8, 128, FEATURE_CAUSAL, KV_INT8_PER_TOKEN_HEAD, 16},
    {"decode S 16384 8x128 e4m3", 1, 16384, 8, 8, 128, FEATURE_CAUSAL, KV_FP8_E4M3, 16},
    {"decode S 16384 8x128 e5m2", 1, 16384, 8, 8, 128, FEATURE_CAUSAL, KV_FP8_E5M2, 16},
    {"decode S 16384 32/8x128 int8", 1, 16384, 32, 8, 128, FEATURE_CAUSAL, KV_INT8, 16},
    {"decode S 16384 32/8x128 int8_pth", 1, 16384, 32, 8, 128, FEATURE_CAUSAL, KV_INT8_PER_TOKEN_HEAD, 16},
    {"decode S 16384 8x64 int8", 1, 16384, 8, 8, 64, FEATURE_CAUSAL, KV_INT8, 16},
};

static void *room(size_t bytes) {
  void *at = 0;
  if (posix_memalign(&at, 64, bytes + 4096) != 0) exit(1);
  return at;
}

static float *random_floats(size_t count) {
  float *x = room(count * sizeof(float));
  unsigned state = 1;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    x[i] = (float)(state >> 8) / 8388608.0f - 1.0f;
  }
  return x;
}

static float *random_scales(size_t count) {
  float *x = random_floats(count);
  for (size_t i = 0; i < count; i++) x[i] = (x[i] + 2.0f) / 128;
  return x;
}

static int width_of(int dtype) { return dtype == KV_FLOAT32 ? 4 : dtype <= KV_BFLOAT16 ? 2 : 1; }

/** Codes of numbers around 1 after their scale, as caches have: what is tiny costs processors more. */
static void *random_codes(size_t count, int dtype) {
  float *floats = random_floats(count);
  if (dtype == KV_FLOAT32) return floats;
  if (dtype == KV_BFLOAT16) {
    unsigned short *halves = (unsigned short *)floats;
    for (size_t i = 0; i < count; i++) halves[i] = halves[2 * i + 1];
    return halves;
  }
  free(floats);
  unsigned char *x = room(count * (size_t)width_of(dtype));
  unsigned state = 1;
  for (size_t i = 0; i < count * (size_t)width_of(dtype); i++) {
    state = state * 1664525u + 1013904223u;
    x[i] = (unsigned char)(state >> 24 & 0xbf);
  }
  return x;
}

typedef struct {
  AttnParams params;
  AttnOperands operands;
} Call;

static Call make_call(const Cell *c) {
  Call call = {0};
  AttnParams *p = &call.params;
  AttnOperands *o = &call.operands;
  int blocks = c->blockSize ? c->keys / c->blockSize : 1;
  size_t elements = (size_t)c->keys * (size_t)c->kvHeads * (size_t)c->size, scales = (size_t)c->keys * (size_t)c->kvHeads;
  int *ints = room((size_t)(blocks + 8) * sizeof(int));
  p->softmaxScale = 1.0f / sqrtf((float)c->size);
  p->kScale = p->vScale = c->dtype == KV_INT8 ? 1.0f / 64 : 1.0f;
  p->flags = c->flags;
  p->kvDtype = c->dtype;
  p->windowLeft = p->windowRight = -1;
  p->numSeqs = 1;
  p->numHeads = c->heads;
  p->numKvHeads = c->kvHeads;
  p->headSize = p->valueHeadSize = c->size;
  p->maxQueryLen = c->queries;
  p->maxSeqLen = c->keys;
  p->blockSize = c->blockSize;
  p->maxBlocksPerSeq = blocks;
  p->qStrideToken = p->outStrideToken = c->heads * c->size;
  p->qStrideHead = p->outStrideHead = p->kStrideHead = p->vStrideHead = c->size;
  p->kStrideToken = p->vStrideToken = c->kvHeads * c->size;
  p->kStrideBatch = p->vStrideBatch = c->kvHeads * c->size * (c->blockSize ? c->blockSize : c->keys);
  ints[0] = c->keys;
  ints[1] = c->keys - c->queries;
  // A page table in an order that no prefetcher of the processor guesses.
  for (int i = 0; i < blocks; i++) ints[2 + i] = c->blockSize ? (int)((long)i * 7919 % blocks) : 0;
  o->q = random_floats((size_t)c->queries * (size_t)c->heads * (size_t)c->size);
  o->k = random_codes(elements, c->dtype);
  o->v = random_codes(elements, c->dtype);
  o->seqLens = ints;
  o->queryOffsets = ints + 1;
  o->blockTables = ints + 2;
  o->kTokenScales = random_scales(scales);
  o->vTokenScales = random_scales(scales);
  o->out = room((size_t)c->queries * (size_t)c->heads * (size_t)c->size * sizeof(float));
  return call;
}

static void free_call(Call *c) {
  const void *all[] = {c->operands.q, c->operands.k, c->operands.v, c->operands.seqLens, c->operands.kTokenScales,
                       c->operands.vTokenScales, c->operands.out};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) free((void *)(size_t)all[i]);
}

/** Pairs of a query and a key that it sees. */
static double visible(const Cell *c) {
  double n = c->queries, all = n * c->keys;
  return c->flags & FEATURE_CAUSAL ? all - n * (n - 1) / 2 : all;
}

/** Best of both ways to multiply and add, in flops a second. */
static double peak(const AttnKernels *k) {
  static float operands[64 * (4 + 2 * 16)];
  const u32 steps = 2000000 / k->lanes;
  double best = 0;
  for (int i = 0; i < 5; i++) {
    double start = now();
    k->ceilingMadd(steps, 0.5f, 0.5f);
    double middle = now();
    k->ceilingTile(steps, operands, operands + 256);
    double end = now(), lanes = k->lanes;
    best = fmax(best, fmax(24 * lanes * steps / (middle - start), 16 * lanes * steps / (end - middle)));
  }
  return best;
}

static double bandwidth(const AttnKernels *k, size_t bytes) {
  size_t count = (bytes + 32767) / 32768 * 8192;
  float *at = random_floats(count);
  double best = 0, started = now();
  for (int i = 0; i < LEAST_RUNS || now() - started < SECONDS / 2; i++) {
    double start = now();
    k->ceilingRead(at, (u32)count);
    best = fmax(best, (double)count * 4 / (now() - start));
  }
  free(at);
  return best;
}

static void run_cell(const AttnKernels *k, const Cell *c, u32 threads) {
  Call call = make_call(c);
  double best = 1e9, began = now(), flops = 4 * visible(c) * c->heads * c->size;
  double bytes = 2.0 * c->keys * c->kvHeads * c->size * width_of(c->dtype);
  attn_attention(k, &call.params, &call.operands, threads);
  for (int i = 0; i < LEAST_RUNS || now() - began < SECONDS; i++) {
    double start = now();
    attn_attention(k, &call.params, &call.operands, threads);
    best = fmin(best, now() - start);
  }
  printf("%-7s %-36s %u threads %9.3f ms", k->name, c->name, threads, best * 1e3);
  if (c->queries > 1) {
    double most = peak(k) * threads;
    printf(" %7.1f GFLOP/s %5.1f %% of %.1f\n", flops / best * 1e-9, 100 * flops / best / most, most * 1e-9);
  } else {
    double most = bandwidth(k, (size_t)bytes) * threads;
    printf(" %7.2f GB/s    %5.1f %% of %.1f\n", bytes / best * 1e-9, 100 * bytes / best / most, most * 1e-9);
  }
  fflush(stdout);
  free_call(&call);
}

int main(int count, char **arguments) {
  const AttnKernels *kernels = attn_kernels(count > 1 ? arguments[1] : 0);
  const char *pattern = count > 2 ? arguments[2] : "";
  u32 threads = count > 3 ? (u32)atoi(arguments[3]) : 1;
  if (threads > 1) clockUsed = CLOCK_MONOTONIC;
  if (!kernels) return fprintf(stderr, "bench: no such instruction set here: %s\n", arguments[1]), 1;
  for (size_t i = 0; i < sizeof CELLS / sizeof *CELLS; i++) {
    if (strstr(CELLS[i].name, pattern)) run_cell(kernels, CELLS + i, threads);
  }
  return 0;
}

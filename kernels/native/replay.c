// Runs one kernel call that arrives on stdin and writes what it wrote to stdout: how tests reach the native kernels
// without a host, on other processors too. replay ISA < call > result
//
// A call: u32 kind, threads, bytes of params, number of operands, bits of those that are written; the params; then each
// operand as a u32 length (ABSENT: null) and its bytes. A result: the written operands' bytes. Without stdin's call
// (replay ISA --has) the exit status says whether the instruction set is there.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cpu/native.h"

#define ABSENT 0xffffffffu
#define MOST_OPERANDS 64

enum Kind { ATTENTION, CACHE_WRITE, CACHE_GATHER, MERGE_STATES, FP8_ENCODE, FP8_DECODE };

static void fail(const char *why) {
  fprintf(stderr, "replay: %s\n", why);
  exit(1);
}

/** Each piece lies in an allocation of just its size, so that a sanitizer sees what is read beyond. */
static void *take(size_t bytes) {
  void *at = malloc(bytes ? bytes : 1);
  if (!at || fread(at, 1, bytes, stdin) != bytes) fail("the call is cut short");
  return at;
}

static u32 take_u32(void) {
  u32 value;
  if (fread(&value, sizeof value, 1, stdin) != 1) fail("the call is cut short");
  return value;
}

static void merge_states(const AttnKernels *k, const u32 *p, void **o) {
  k->mergeStates(o[0], o[1], o[2], o[3], o[4], o[5], o[6], p[0], p[1], p[2]);
}

static void convert_fp8(const AttnKernels *k, enum Kind kind, const u32 *p, void **o) {
  float scale;
  memcpy(&scale, p + 2, sizeof scale);
  if (kind == FP8_ENCODE) k->fp8Encode(o[0], o[1], p[0], scale, p[1]);
  else k->fp8Decode(o[0], o[1], p[0], scale, p[1]);
}

static void run(const AttnKernels *k, u32 kind, u32 threads, const void *params, void **operands) {
  switch ((enum Kind)kind) {
    case ATTENTION:
      if (attn_attention(k, params, (const AttnOperands *)operands, threads) != 0) fail("out of memory");
      return;
    case CACHE_WRITE:
      return attn_cache_write(k, params, (const CacheOperands *)operands, threads);
    case CACHE_GATHER:
      return attn_cache_gather(k, params, (const CacheOperands *)operands, threads);
    case MERGE_STATES:
      return merge_states(k, params, operands);
    case FP8_ENCODE:
    case FP8_DECODE:
      return convert_fp8(k, kind, params, operands);
  }
  fail("unknown kind of call");
}

int main(int count, char **arguments) {
  const AttnKernels *kernels = attn_kernels(count > 1 ? arguments[1] : 0);
  if (count > 2) return kernels == 0;
  if (!kernels) fail("this processor has no such instruction set");
  u32 kind = take_u32(), threads = take_u32(), paramBytes = take_u32(), operands = take_u32(), written = take_u32();
  void *params = take(paramBytes), *at[MOST_OPERANDS] = {0};
  u32 bytes[MOST_OPERANDS] = {0};
  if (operands > MOST_OPERANDS) fail("too many operands");
  for (u32 i = 0; i < operands; i++) {
    bytes[i] = take_u32();
    if (bytes[i] != ABSENT) at[i] = take(bytes[i]);
  }
  run(kernels, kind, threads, params, at);
  for (u32 i = 0; i < operands; i++) {
    if (at[i] && written >> i & 1) fwrite(at[i], 1, bytes[i], stdout);
    free(at[i]);
  }
  free(params);
  return 0;
}

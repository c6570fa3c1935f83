// Picks the table of the best instruction set that the processor has.
#include "native.h"
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
extern const AttnKernels attn_kernels_avx512, attn_kernels_avx2;

static int has_avx2(void) {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static int has_avx512(void) {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
#elif defined(__aarch64__)
extern const AttnKernels attn_kernels_neon;
#endif
extern const AttnKernels attn_kernels_scalar;

/** Best first. */
static u32 available(const AttnKernels **tables) {
  u32 count = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (has_avx512()) tables[count++] = &attn_kernels_avx512;
  if (has_avx2()) tables[count++] = &attn_kernels_avx2;
#elif defined(__aarch64__)
  tables[count++] = &attn_kernels_neon;
#endif
  tables[count++] = &attn_kernels_scalar;
  return count;
}

const AttnKernels *attn_kernels(const char *force) {
  const AttnKernels *tables[3];
  u32 count = available(tables);
  if (!force) force = getenv("TFJS_ATTENTION_ISA");
  if (!force || !*force) return tables[0];
  for (u32 i = 0; i < count; i++) {
    if (strcmp(tables[i]->name, force) == 0) return tables[i];
  }
  return 0;
}

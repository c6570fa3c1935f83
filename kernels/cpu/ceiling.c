// What the machine can do, for the benchmark to measure beside the kernels: multiply-adds a second and read bandwidth.
#include "simd.h"

#ifndef EXPORT
#define EXPORT __attribute__((visibility("default")))
#endif
#define CHAINS 12

/** `steps` rounds of CHAINS independent vector multiply-adds that never leave registers: 8 * CHAINS flops a round. */
EXPORT float ceiling_madd(u32 steps, float factor, float addend) {
  vf x = vf_splat(factor), y = vf_splat(addend), sum[CHAINS];
  UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = vf_splat((float)i);
  for (u32 n = 0; n < steps; n++) {
    UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = vf_madd(sum[i], x, y);
  }
  UNROLL for (int i = 1; i < CHAINS; i++) sum[0] = sum[0] + sum[i];
  return vf_sum(sum[0]);
}

/** Reads `count` floats (a multiple of 8192) once, as eight streams a page apart: one stream alone is slower. */
EXPORT float ceiling_read(const float *from, u32 count) {
  vf sum[8];
  UNROLL for (int i = 0; i < 8; i++) sum[i] = vf_splat(0.0f);
  for (u32 n = 0; n < count; n += 8192) {
    for (u32 at = n; at < n + 1024; at += LANES) {
      UNROLL for (int i = 0; i < 8; i++) sum[i] = sum[i] + vf_load(from + at + (u32)i * 1024);
    }
  }
  UNROLL for (int i = 1; i < 8; i++) sum[0] = sum[0] + sum[i];
  return vf_sum(sum[0]);
}

/** `steps` rounds of the register tile of the matrix product on operands in the first-level cache: 4 rows by 8. */
EXPORT float ceiling_tile(u32 steps, const float *a, const float *b) {
  vf sum[4][2];
  UNROLL for (int i = 0; i < 4; i++) sum[i][0] = sum[i][1] = vf_splat(0.0f);
  for (u32 n = 0; n < steps; n++) {
    const float *left = a + (n & 63) * 4, *right = b + (n & 63) * 2 * LANES;
    vf x = vf_load(right), y = vf_load(right + LANES);
    UNROLL for (int i = 0; i < 4; i++) {
      sum[i][0] = vf_madd(vf_splat(left[i]), x, sum[i][0]);
      sum[i][1] = vf_madd(vf_splat(left[i]), y, sum[i][1]);
    }
  }
  UNROLL for (int i = 1; i < 4; i++) sum[0][0] = sum[0][0] + sum[i][0] + sum[i][1];
  return vf_sum(sum[0][0] + sum[0][1]);
}

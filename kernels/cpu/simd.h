// Vectors of LANES float32 or int32: 128-bit in WebAssembly and NEON, wider with AVX, one lane without SIMD.
// The target's file defines LANES, the register tile and these hooks: vf_splat, vi_splat, vi_select, vf_select, vi_any,
// vf_madd, vf_max, vi_load_{u8,s8,top8,u16,s16}, vf_load_{float16,e4m3,e5m2} (where HARDWARE_FLOAT16), vf_load_part,
// vf_transpose, vf_sums.
#ifndef TFJS_ATTENTION_SIMD_H
#define TFJS_ATTENTION_SIMD_H

#define HOOK static inline __attribute__((always_inline))
/** A hot loop as a function of its own: in a large one, engines allot registers badly. */
#define HOT static __attribute__((noinline))

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef unsigned int u32;
typedef __SIZE_TYPE__ address;

#if defined(ATTENTION_SCALAR)
#define LANES 1
#elif defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

#if LANES == 1
typedef float vf;
typedef int vi;
typedef float vf_unaligned;
typedef int vi_unaligned __attribute__((may_alias));
#define LANE(vector, i) (vector)
#else
typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int vi __attribute__((vector_size(4 * LANES)));
typedef float vf_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int vi_unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define LANE(vector, i) (vector)[i]
#endif

HOOK vf vf_load(const float *from) { return *(const vf_unaligned *)from; }
HOOK vi vi_load(const int *from) { return *(const vi_unaligned *)from; }
HOOK void vf_store(float *to, vf x) { *(vf_unaligned *)to = x; }

HOOK vi vi_load_bytes(const void *from) { return *(const vi_unaligned *)from; }

#if LANES == 1
HOOK vi vf_bits(vf x) {
  vi v;
  __builtin_memcpy(&v, &x, sizeof v);
  return v;
}

HOOK vf vf_from_bits(vi x) {
  vf v;
  __builtin_memcpy(&v, &x, sizeof v);
  return v;
}
#else
HOOK vi vf_bits(vf x) { return (vi)x; }
HOOK vf vf_from_bits(vi x) { return (vf)x; }
#endif

#if defined(ATTENTION_SCALAR)
#include "simd_scalar.h"
#elif defined(__wasm_simd128__)
#include "simd_wasm.h"
#elif defined(__AVX512F__)
#include "simd_avx512.h"
#elif defined(__AVX2__)
#include "simd_avx2.h"
#elif defined(__ARM_NEON)
#include "simd_neon.h"
#else
#error "no vectors for this target: compile with -DATTENTION_SCALAR"
#endif

HOOK vi vi_iota(int first) {
  vi v;
  UNROLL for (int i = 0; i < LANES; i++) LANE(v, i) = first + i;
  return v;
}

HOOK vf vf_convert(vi x) {
#if LANES == 1
  return (float)x;
#else
  return __builtin_convertvector(x, vf);
#endif
}

HOOK float vf_sum(vf x) {
#if LANES == 4
  return (LANE(x, 0) + LANE(x, 1)) + (LANE(x, 2) + LANE(x, 3));
#else
  float sum = 0;
  for (int i = 0; i < LANES; i++) sum += LANE(x, i);
  return sum;
#endif
}

HOOK float vf_max_lane(vf x) {
  float most = LANE(x, 0);
  UNROLL for (int i = 1; i < LANES; i++) most = most < LANE(x, i) ? LANE(x, i) : most;
  return most;
}

/** Lane i comes from rows[i * step][index[i]]. */
HOOK vf vf_gather(const float *const *rows, u32 step, vi index) {
  vf v;
  UNROLL for (u32 i = 0; i < LANES; i++) LANE(v, i) = rows[i * step][LANE(index, i)];
  return v;
}

HOOK vi vi_gather_u8(const unsigned char *const *rows, u32 step, vi index) {
  vi v;
  UNROLL for (u32 i = 0; i < LANES; i++) LANE(v, i) = rows[i * step][LANE(index, i)];
  return v;
}

/** Query rows of a panel: one lane each. */
#define PANEL (TILE_VECTORS * LANES)
/** Lanes of a value row that lie together: a whole number of the tile's rows, and of vectors where that fits. */
#define VALUE_BLOCK (LANES > TILE_SPLATS && LANES % TILE_SPLATS == 0 ? LANES : TILE_SPLATS)
/** Rows past the last one that packing may read. */
#define TILE_SLACK (TILE_SPLATS > LANES ? TILE_SPLATS : LANES)

#endif

// Vectors of LANES float32 or int32: 128-bit in WebAssembly and NEON, wider with AVX, one lane without SIMD.
#ifndef TFJS_ATTENTION_SIMD_H
#define TFJS_ATTENTION_SIMD_H

#define HOOK static inline __attribute__((always_inline))
/** A hot loop as a function of its own: in a large one, engines allot registers badly. */
#define HOT static __attribute__((noinline))

#if defined(__wasm_simd128__)
#include <wasm_simd128.h>
#define LANES 4
#elif defined(ATTENTION_SCALAR)
#define LANES 1
#elif defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef unsigned int u32;
typedef __SIZE_TYPE__ address;

#if LANES == 1
typedef float vf;
typedef int vi;
typedef float vf_unaligned;
typedef int vi_unaligned;
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
HOOK vi vi_load_bytes(const void *from) {
  vi v;
  __builtin_memcpy(&v, from, sizeof v);
  return v;
}

HOOK void vf_store(float *to, vf x) { *(vf_unaligned *)to = x; }

/** The first `count` floats, then zeros. */
HOOK vf vf_load_part(const float *from, u32 count) {
  vf v;
  UNROLL for (u32 i = 0; i < LANES; i++) LANE(v, i) = i < count ? from[i] : 0.0f;
  return v;
}

HOOK vf vf_splat(float x) {
  vf v;
  UNROLL for (int i = 0; i < LANES; i++) LANE(v, i) = x;
  return v;
}

HOOK vi vi_splat(int x) {
  vi v;
  UNROLL for (int i = 0; i < LANES; i++) LANE(v, i) = x;
  return v;
}

HOOK vi vi_iota(int first) {
  vi v;
  UNROLL for (int i = 0; i < LANES; i++) LANE(v, i) = first + i;
  return v;
}

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

/** A comparison gives all ones (or 1 when there is one lane); `vf_select` takes either. */
HOOK vi vi_select(vi mask, vi yes, vi no) {
#if LANES == 1
  return mask ? yes : no;
#else
  return (mask & yes) | (~mask & no);
#endif
}

HOOK vf vf_select(vi mask, vf yes, vf no) {
#if defined(__wasm_simd128__)
  return (vf)wasm_v128_bitselect((v128_t)yes, (v128_t)no, (v128_t)mask);
#else
  return vf_from_bits(vi_select(mask, vf_bits(yes), vf_bits(no)));
#endif
}

HOOK int vi_any(vi mask) {
#if defined(__wasm_simd128__)
  return wasm_v128_any_true((v128_t)mask);
#else
  int any = 0;
  for (int i = 0; i < LANES; i++) any |= LANE(mask, i);
  return any != 0;
#endif
}

/** a * b + c, fused where the target has it. */
HOOK vf vf_madd(vf a, vf b, vf c) {
#if defined(__wasm_relaxed_simd__)
  return (vf)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c);
#else
  return a * b + c;
#endif
}

/** The larger one; `b` counts only where it compares greater, so a NaN in `a` stays and one in `b` is passed over. */
HOOK vf vf_max(vf a, vf b) {
#if defined(__wasm_simd128__)
  return (vf)wasm_f32x4_pmax((v128_t)a, (v128_t)b);
#else
  return vf_select(a < b, b, a);
#endif
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

/** LANES bytes or halves, zero-extended. */
HOOK vi vi_load_u8(const unsigned char *from) {
#if defined(__wasm_simd128__)
  return (vi)wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(from)));
#else
  vi v;
  UNROLL for (int i = 0; i < LANES; i++) LANE(v, i) = from[i];
  return v;
#endif
}

HOOK vi vi_load_s8(const unsigned char *from) {
#if defined(__wasm_simd128__)
  return (vi)wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(from)));
#else
  return (vi_load_u8(from) << 24) >> 24;
#endif
}

/** LANES bytes, each at the top of its lane, above zeros. */
HOOK vi vi_load_top8(const unsigned char *from) {
#if defined(__wasm_relaxed_simd__)
  // Made of lanes that the compiler cannot see through: V8 would build a constant vector anew at each use.
  int first = 0x00808080;
  __asm__("" : "+r"(first));
  v128_t places = wasm_i32x4_make(first, first + (1 << 24), first + (2 << 24), first + (3 << 24));
  return (vi)wasm_i8x16_relaxed_swizzle(wasm_v128_load32_zero(from), places);
#elif defined(__wasm_simd128__)
  v128_t zero = wasm_i32x4_splat(0), bytes = wasm_v128_load32_zero(from);
  v128_t halves = wasm_i8x16_shuffle(zero, bytes, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  return (vi)wasm_i16x8_shuffle(zero, halves, 0, 8, 1, 9, 2, 10, 3, 11);
#else
  return vi_load_u8(from) << 24;
#endif
}

HOOK vi vi_load_u16(const unsigned short *from) {
#if defined(__wasm_simd128__)
  return (vi)wasm_u32x4_load16x4(from);
#else
  vi v;
  UNROLL for (int i = 0; i < LANES; i++) LANE(v, i) = from[i];
  return v;
#endif
}

HOOK vi vi_load_s16(const unsigned short *from) {
#if defined(__wasm_simd128__)
  return (vi)wasm_i32x4_load16x4(from);
#else
  return (vi_load_u16(from) << 16) >> 16;
#endif
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

/** Transposes the LANES x LANES matrix in rows. */
HOOK void vf_transpose(vf rows[LANES]) {
#if LANES == 4
  vf a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
  vf b = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
  vf c = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
  vf d = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
  rows[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  rows[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  rows[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  rows[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
#elif LANES > 1
  for (int i = 0; i < LANES; i++) {
    for (int j = 0; j < i; j++) {
      float upper = rows[j][i];
      rows[j][i] = rows[i][j];
      rows[i][j] = upper;
    }
  }
#else
  (void)rows;
#endif
}

/**
 * The register tile of the matrix products: TILE_SPLATS rows of broadcasts times TILE_VECTORS vectors. 3 x 3 is what
 * V8 holds in its 15 vector registers: it loads all six operands of a step before the first multiply.
 */
#if defined(__AVX512F__)
#define TILE_SPLATS 8
#define TILE_VECTORS 3
#elif defined(__AVX2__)
#define TILE_SPLATS 4
#define TILE_VECTORS 3
#elif LANES == 1
#define TILE_SPLATS 1
#define TILE_VECTORS 4
#else
#define TILE_SPLATS 3
#define TILE_VECTORS 3
#endif

/** Query rows of a panel: one lane each. */
#define PANEL (TILE_VECTORS * LANES)

#endif

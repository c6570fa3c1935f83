// Sixteen stored elements at a time to float32, for targets whose byte shuffles make that cheaper than lane by lane.
#ifndef TFJS_ATTENTION_WIDEN_H
#define TFJS_ATTENTION_WIDEN_H
#include "attention.h"

#define WIDEN_STEP 16

#if defined(__wasm_simd128__)

HOOK void widen_halves(v128_t halves, float *to) {
  v128_t zero = wasm_i32x4_splat(0);
  wasm_v128_store(to, wasm_i16x8_shuffle(zero, halves, 0, 8, 1, 9, 2, 10, 3, 11));
  wasm_v128_store(to + 4, wasm_i16x8_shuffle(zero, halves, 4, 12, 5, 13, 6, 14, 7, 15));
}

HOOK void widen_bfloat16(const unsigned char *from, float *to) {
  widen_halves(wasm_v128_load(from), to);
  widen_halves(wasm_v128_load(from + 16), to + 8);
}

HOOK void widen_int8(const unsigned char *from, float *to) {
  v128_t bytes = wasm_v128_load(from);
  v128_t low = wasm_i16x8_extend_low_i8x16(bytes), high = wasm_i16x8_extend_high_i8x16(bytes);
  wasm_v128_store(to, wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(low)));
  wasm_v128_store(to + 4, wasm_f32x4_convert_i32x4(wasm_i32x4_extend_high_i16x8(low)));
  wasm_v128_store(to + 8, wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(high)));
  wasm_v128_store(to + 12, wasm_f32x4_convert_i32x4(wasm_i32x4_extend_high_i16x8(high)));
}

/** Four halves in the upper 16 bits of `wide`: 2^112 moves their exponents to float32's, subnormals included. */
HOOK v128_t widen_float16_lanes(v128_t wide) {
  v128_t placed = wasm_v128_and(wasm_i32x4_shr(wide, 3), wasm_i32x4_splat((int)0x8fffe000u));
  v128_t value = wasm_f32x4_mul(placed, wasm_f32x4_splat(0x1p112f));
  v128_t top = wasm_i32x4_splat(0x0f800000);
  v128_t special = wasm_i32x4_eq(wasm_v128_and(placed, top), top);
  return wasm_v128_or(value, wasm_v128_and(special, wasm_i32x4_splat(0x7f800000)));
}

HOOK void widen_float16(const unsigned char *from, float *to) {
  v128_t zero = wasm_i32x4_splat(0);
  for (int i = 0; i < 2; i++, from += 16, to += 8) {
    v128_t halves = wasm_v128_load(from);
    wasm_v128_store(to, widen_float16_lanes(wasm_i16x8_shuffle(zero, halves, 0, 8, 1, 9, 2, 10, 3, 11)));
    wasm_v128_store(to + 4, widen_float16_lanes(wasm_i16x8_shuffle(zero, halves, 4, 12, 5, 13, 6, 14, 7, 15)));
  }
}

/** Upper and lower bytes of sixteen bfloat16. */
HOOK void widen_pairs(v128_t upper, v128_t lower, float *to) {
  widen_halves(wasm_i8x16_shuffle(lower, upper, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), to);
  widen_halves(wasm_i8x16_shuffle(lower, upper, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), to + 8);
}

/**
 * fp8 as bfloat16, byte by byte: in both the exponent stands before the mantissa, so normals take a shift and an offset
 * of the upper byte. The few codes below the smallest normal are corrected from tables: a swizzle gives 0 for index 16
 * and above.
 */
HOOK void widen_fp8(v128_t size, v128_t sign, v128_t upper, v128_t lower, v128_t special, v128_t fixUpper,
                    v128_t fixLower, float *to) {
  upper = wasm_v128_xor(upper, wasm_i8x16_swizzle(fixUpper, size));
  lower = wasm_v128_xor(lower, wasm_i8x16_swizzle(fixLower, size));
  upper = wasm_v128_or(wasm_v128_or(upper, special), sign);
  lower = wasm_v128_or(lower, special);
  widen_halves(wasm_i8x16_shuffle(lower, upper, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), to);
  widen_halves(wasm_i8x16_shuffle(lower, upper, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), to + 8);
}

HOOK void widen_e4m3(const unsigned char *from, float *to) {
  v128_t code = wasm_v128_load(from), seven = wasm_i8x16_splat(0x7f);
  v128_t size = wasm_v128_and(code, seven), sign = wasm_v128_andnot(code, seven);
  v128_t upper = wasm_v128_and(wasm_u16x8_shr(size, 4), wasm_i8x16_splat(0x07));
  v128_t lower = wasm_v128_and(wasm_i16x8_shl(size, 4), wasm_u8x16_splat(0xf0));
  upper = wasm_i8x16_add(upper, wasm_i8x16_splat(0x3c));
  v128_t fixUpper = wasm_u8x16_const(0x3c, 0x07, 0x07, 0x07, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  v128_t fixLower = wasm_u8x16_const(0, 0x10, 0xa0, 0xf0, 0x40, 0x70, 0x20, 0x10, 0, 0, 0, 0, 0, 0, 0, 0);
  widen_fp8(size, sign, upper, lower, wasm_i8x16_eq(size, seven), fixUpper, fixLower, to);
}

HOOK void widen_e5m2(const unsigned char *from, float *to) {
  v128_t code = wasm_v128_load(from), seven = wasm_i8x16_splat(0x7f);
  v128_t size = wasm_v128_and(code, seven), sign = wasm_v128_andnot(code, seven);
  v128_t upper = wasm_v128_and(wasm_u16x8_shr(size, 3), wasm_i8x16_splat(0x0f));
  v128_t lower = wasm_v128_and(wasm_i16x8_shl(size, 5), wasm_u8x16_splat(0xe0));
  v128_t special = wasm_i8x16_gt(size, wasm_i8x16_splat(0x7b));
  upper = wasm_i8x16_add(upper, wasm_i8x16_splat(0x38));
  upper = wasm_i8x16_add(upper, wasm_v128_and(special, wasm_i8x16_splat(0x38)));
  v128_t fixUpper = wasm_u8x16_const(0x38, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  v128_t fixLower = wasm_u8x16_const(0, 0xa0, 0x40, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  widen_fp8(size, sign, upper, lower, wasm_i32x4_splat(0), fixUpper, fixLower, to);
}

/** Even elements are the low nibbles of eight bytes, odd ones the high. */
HOOK void widen_int4(const unsigned char *from, float *to) {
  v128_t bytes = wasm_v128_load64_zero(from);
  v128_t low = wasm_v128_and(bytes, wasm_i8x16_splat(15)), high = wasm_u8x16_shr(bytes, 4);
  v128_t codes = wasm_i8x16_shuffle(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  v128_t first = wasm_u16x8_extend_low_u8x16(codes), second = wasm_u16x8_extend_high_u8x16(codes);
  wasm_v128_store(to, wasm_f32x4_convert_u32x4(wasm_u32x4_extend_low_u16x8(first)));
  wasm_v128_store(to + 4, wasm_f32x4_convert_u32x4(wasm_u32x4_extend_high_u16x8(first)));
  wasm_v128_store(to + 8, wasm_f32x4_convert_u32x4(wasm_u32x4_extend_low_u16x8(second)));
  wasm_v128_store(to + 12, wasm_f32x4_convert_u32x4(wasm_u32x4_extend_high_u16x8(second)));
}

#endif

/** Elements `at` to `at + WIDEN_STEP - 1` of a row. */
HOOK void widen(int dtype, const unsigned char *row, u32 at, float *to) {
#if defined(__wasm_simd128__)
  const unsigned char *from = row + at * kv_width(dtype);
  switch (dtype) {
    case KV_INT4_PER_TOKEN_HEAD:
      return widen_int4(row + at / 2, to);
    case KV_BFLOAT16:
      return widen_bfloat16(from, to);
    case KV_FLOAT16:
      return widen_float16(from, to);
    case KV_INT8:
      return widen_int8(from, to);
    case KV_FP8_E4M3:
      return widen_e4m3(from, to);
    case KV_FP8_E5M2:
      return widen_e5m2(from, to);
  }
#endif
  for (u32 d = 0; d < WIDEN_STEP; d += LANES) vf_store(to + d, kv_load(dtype, row, at + d));
}

#endif

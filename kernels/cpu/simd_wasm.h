// WebAssembly: 128-bit vectors, with relaxed SIMD where the module has it.
#include <wasm_simd128.h>

/** 3 x 3 is what V8 holds in its 15 vector registers: it loads all six operands of a step before the first multiply. */
#define TILE_SPLATS 3
#define TILE_VECTORS 3
#define TILE_UNROLL 1
#define TILE_CHUNK 1
/** WebAssembly has no such instruction. */
#define FETCH_AHEAD 0
#define TILE_BLOCKS 32
/** No instruction widens a float16. */
#define HARDWARE_FLOAT16 0
/** Sign extension takes two instructions, and a byte to the top of its lane one. */
#define HARDWARE_INT8 0
/** Decoding: rows by keys that share a turn, of float32 and of narrower types. */
#define WIDE_ROWS 2
#define WIDE_KEYS LANES
#define NARROW_ROWS 4
#define NARROW_KEYS (LANES / 2)

HOOK vf vf_splat(float x) { return (vf)wasm_f32x4_splat(x); }
HOOK vi vi_splat(int x) { return (vi)wasm_i32x4_splat(x); }

/** A comparison gives all ones or zeros in a lane. */
HOOK vi vi_select(vi mask, vi yes, vi no) { return (mask & yes) | (~mask & no); }

HOOK vf vf_select(vi mask, vf yes, vf no) {
  return (vf)wasm_v128_bitselect((v128_t)yes, (v128_t)no, (v128_t)mask);
}

HOOK int vi_any(vi mask) { return wasm_v128_any_true((v128_t)mask); }

/** a * b + c, fused where the target has it. */
HOOK vf vf_madd(vf a, vf b, vf c) {
#if defined(__wasm_relaxed_simd__)
  return (vf)wasm_f32x4_relaxed_madd((v128_t)a, (v128_t)b, (v128_t)c);
#else
  return a * b + c;
#endif
}

/** The larger one; `b` counts only where it compares greater, so a NaN in `a` stays and one in `b` is passed over. */
HOOK vf vf_max(vf a, vf b) { return (vf)wasm_f32x4_pmax((v128_t)a, (v128_t)b); }

/** The first `count` floats, then zeros. */
HOOK vf vf_load_part(const float *from, u32 count) {
  vf v;
  UNROLL for (u32 i = 0; i < LANES; i++) v[i] = i < count ? from[i] : 0.0f;
  return v;
}

/** LANES bytes or halves, zero- or sign-extended. */
HOOK vi vi_load_u8(const unsigned char *from) {
  return (vi)wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(from)));
}

HOOK vi vi_load_s8(const unsigned char *from) {
  return (vi)wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(from)));
}

/** LANES bytes, each at the top of its lane, above zeros. */
HOOK vi vi_load_top8(const unsigned char *from) {
#if defined(__wasm_relaxed_simd__)
  // Made of lanes that the compiler cannot see through: V8 would build a constant vector anew at each use.
  int first = 0x00808080;
  __asm__("" : "+r"(first));
  v128_t places = wasm_i32x4_make(first, first + (1 << 24), first + (2 << 24), first + (3 << 24));
  return (vi)wasm_i8x16_relaxed_swizzle(wasm_v128_load32_zero(from), places);
#else
  v128_t zero = wasm_i32x4_splat(0), bytes = wasm_v128_load32_zero(from);
  v128_t halves = wasm_i8x16_shuffle(zero, bytes, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  return (vi)wasm_i16x8_shuffle(zero, halves, 0, 8, 1, 9, 2, 10, 3, 11);
#endif
}

HOOK vi vi_load_u16(const unsigned short *from) { return (vi)wasm_u32x4_load16x4(from); }
HOOK vi vi_load_s16(const unsigned short *from) { return (vi)wasm_i32x4_load16x4(from); }

/** Transposes the matrix in rows. */
HOOK void vf_transpose(vf rows[LANES]) {
  vf a = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
  vf b = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
  vf c = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
  vf d = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
  rows[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5);
  rows[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  rows[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5);
  rows[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

/** Lane i is the sum of rows[i]. */
HOOK vf vf_sums(vf rows[LANES]) {
  vf_transpose(rows);
  return rows[0] + rows[1] + rows[2] + rows[3];
}

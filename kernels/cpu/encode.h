// float32 to the stored types: nearest-even, int8 and int4 half away from zero, saturating, NaN kept (int8, int4: 0).
#ifndef TFJS_ATTENTION_ENCODE_H
#define TFJS_ATTENTION_ENCODE_H
#include "simd.h"

HOOK u32 float_bits(float x) {
  u32 bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

HOOK float float_from_bits(u32 bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

HOOK u32 round_shift(u32 bits, u32 count) { return (bits + ((1u << (count - 1)) - 1) + (bits >> count & 1)) >> count; }

/** Magnitude of a small float. Below its normals, adding the power of two whose spacing is its own rounds. */
HOOK u32 encode_magnitude(u32 magnitude, u32 mantissaBits, u32 bias) {
  u32 drop = 23 - mantissaBits, leastNormal = (128 - bias) << 23;
  if (magnitude >= leastNormal) return round_shift(magnitude - ((127 - bias) << 23), drop);
  u32 spacing = (128 - bias + drop) << 23;
  return float_bits(float_from_bits(magnitude) + float_from_bits(spacing)) - spacing;
}

HOOK u32 encode_fp8(float x, u32 mantissaBits, u32 bias, u32 largest) {
  u32 magnitude = float_bits(x) & 0x7fffffff, sign = float_bits(x) >> 24 & 0x80;
  if (magnitude > 0x7f800000) return sign | 0x7f;
  u32 code = encode_magnitude(magnitude, mantissaBits, bias);
  return sign | (code > largest ? largest : code);
}

HOOK u32 encode_float16(float x) {
  u32 magnitude = float_bits(x) & 0x7fffffff, sign = float_bits(x) >> 16 & 0x8000;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  u32 code = encode_magnitude(magnitude, 10, 15);
  return sign | (code > 0x7c00 ? 0x7c00 : code);
}

HOOK u32 encode_bfloat16(float x) {
  u32 bits = float_bits(x);
  return (bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 0x40 : round_shift(bits, 16);
}

HOOK u32 encode_int8(float x) {
  if (x != x) return 0;
  if (x >= 127.0f) return 127;
  if (x <= -128.0f) return 0x80;
  int whole = (int)x;
  float rest = x - (float)whole;
  return (u32)(whole + (rest >= 0.5f) - (rest <= -0.5f)) & 0xff;
}

HOOK void encode_one(int dtype, float x, unsigned char *to, u32 i) {
  switch (dtype) {
    case KV_FLOAT16:
      ((unsigned short *)to)[i] = (unsigned short)encode_float16(x);
      return;
    case KV_BFLOAT16:
      ((unsigned short *)to)[i] = (unsigned short)encode_bfloat16(x);
      return;
    case KV_FP8_E4M3:
    case KV_FP8_PER_TOKEN_HEAD:
      to[i] = (unsigned char)encode_fp8(x, 3, 7, 0x7e);
      return;
    case KV_FP8_E5M2:
      to[i] = (unsigned char)encode_fp8(x, 2, 15, 0x7b);
      return;
    case KV_INT8:
    case KV_INT8_PER_TOKEN_HEAD:
      to[i] = (unsigned char)encode_int8(x);
      return;
    default:
      ((float *)to)[i] = x;
  }
}

/** Whole steps of an int4 scale, saturating far beyond its codes. */
HOOK int encode_steps(float quotient) { return (signed char)encode_int8(quotient); }

/** Stored scale of numbers in [low, high], which holds 0: the zero point stands in the four lowest bits. */
HOOK float encode_int4_scale(float low, float high) {
  float scale = (high - low) / 15.0f;
  if (scale > 0x1.fffffep127f) scale = 0x1.fffffep127f;
  if (scale < 1e-6f) scale = 1e-6f;
  u32 bits = float_bits(scale) & ~15u;
  int zero = encode_steps(-low / float_from_bits(bits));
  return float_from_bits(bits | (u32)(zero < 15 ? zero : 15));
}

/** Code of x under a stored scale. */
HOOK u32 encode_int4(float x, float stored) {
  u32 bits = float_bits(stored);
  int code = encode_steps(x / float_from_bits(bits & ~15u)) + (int)(bits & 15);
  return (u32)(code < 0 ? 0 : code > 15 ? 15 : code);
}

/** A byte of two elements of int4, the even one in the low nibble; past the last element 0. */
HOOK unsigned char encode_int4_pair(const float *x, float stored, u32 i, u32 count) {
  u32 low = encode_int4(x[i], stored), high = i + 1 < count ? encode_int4(x[i + 1], stored) : 0;
  return (unsigned char)(low | high << 4);
}

/** x / scale, correctly rounded, to stored elements. */
HOOK void encode_row(int dtype, const float *x, float scale, unsigned char *to, u32 count) {
  if (dtype == KV_INT4_PER_TOKEN_HEAD) {
    for (u32 i = 0; i < count; i += 2) to[i / 2] = encode_int4_pair(x, scale, i, count);
    return;
  }
  for (u32 i = 0; i < count; i++) encode_one(dtype, x[i] / scale, to, i);
}

#endif

// float32 bits to stored types: nearest-even, int8 half away from zero, fp8 and int8 saturating, NaN kept (int8: 0).
#include "webgl/float_bits.glsl"

uint encode_magnitude(uint magnitude, int mantissaBits, int bias) {
  int drop = 23 - mantissaBits, exponent = int(magnitude >> 23) - 127 + bias;
  if (exponent >= 1) return round_shift(magnitude - (uint(127 - bias) << 23), drop);
  uint significand = (magnitude & 0x7fffffu) | (magnitude >= 0x800000u ? 0x800000u : 0u);
  int shift = drop + 1 - exponent;
  return shift > 25 ? 0u : round_shift(significand, shift);
}

uint encode_fp8(uint bits, int mantissaBits, int bias, uint largest) {
  uint magnitude = bits & 0x7fffffffu, sign = (bits >> 24) & 0x80u;
  if (magnitude > BITS_INFINITE) return sign | 0x7fu;
  return sign | min(encode_magnitude(magnitude, mantissaBits, bias), largest);
}

uint encode_float16(uint bits) {
  uint magnitude = bits & 0x7fffffffu, sign = (bits >> 16) & 0x8000u;
  if (magnitude > BITS_INFINITE) return sign | 0x7e00u;
  return sign | min(encode_magnitude(magnitude, 10, 15), 0x7c00u);
}

uint encode_bfloat16(uint bits) {
  if ((bits & 0x7fffffffu) > BITS_INFINITE) return (bits >> 16) | 0x40u;
  return round_shift(bits, 16);
}

uint encode_int8(uint bits) {
  uint magnitude = bits & 0x7fffffffu;
  if (magnitude > BITS_INFINITE) return 0u;
  float size = uintBitsToFloat(magnitude);
  bool negative = bits >= 0x80000000u;
  if (size >= 128.0) return negative ? 0x80u : 0x7fu;
  int whole = int(size);
  if (size - float(whole) >= 0.5) whole++;
  return uint(negative ? -whole : min(whole, 127)) & 0xffu;
}

#if KV_TYPE == KV_INT4_PER_TOKEN_HEAD
// Whole steps of a quotient, half away from zero, saturating far beyond the codes.
int encode_steps(uint quotient) { return int(encode_int8(quotient) << 24) >> 24; }

// Stored scale of numbers in [low, high], which holds 0: the zero point stands in the four lowest bits.
uint encode_int4_scale(float low, float high) {
  // 15, the largest float32, 1e-6
  uint scale = max(min(bits_quotient(floatBitsToUint(high - low), 0x41700000u), 0x7f7fffffu), 0x358637bdu) & 0xfffffff0u;
  return scale | uint(min(encode_steps(bits_quotient(floatBitsToUint(-low), scale)), 15));
}

uint encode_int4(uint bits, uint stored) {
  int code = encode_steps(bits_quotient(bits, stored & 0xfffffff0u)) + int(stored & 15u);
  return uint(clamp(code, 0, 15));
}
#endif

uint encode(uint bits) {
#if KV_TYPE == KV_FLOAT32
  return bits;
#elif KV_TYPE == KV_FLOAT16
  return encode_float16(bits);
#elif KV_TYPE == KV_BFLOAT16
  return encode_bfloat16(bits);
#elif KV_TYPE == KV_FP8_E5M2
  return encode_fp8(bits, 2, 15, 0x7bu);
#elif KV_TYPE == KV_INT8 || KV_TYPE == KV_INT8_PER_TOKEN_HEAD
  return encode_int8(bits);
#else
  return encode_fp8(bits, 3, 7, 0x7eu);
#endif
}

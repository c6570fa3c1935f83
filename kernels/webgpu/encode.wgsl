// float32 bits to stored types: nearest-even, int8 half away from zero, fp8 and int8 saturating, NaN kept (int8: 0).
#include "webgpu/float_bits.wgsl"

fn encode_magnitude(magnitude: u32, mantissaBits: i32, bias: i32) -> u32 {
  let drop = 23 - mantissaBits;
  let exponent = i32(magnitude >> 23u) - 127 + bias;
  if (exponent >= 1) { return round_shift(magnitude - (u32(127 - bias) << 23u), u32(drop)); }
  let significand = (magnitude & 0x7fffffu) | select(0u, 0x800000u, magnitude >= 0x800000u);
  let shift = drop + 1 - exponent;
  if (shift > 25) { return 0u; }
  return round_shift(significand, u32(shift));
}

fn encode_fp8(bits: u32, mantissaBits: i32, bias: i32, largest: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  let sign = (bits >> 24u) & 0x80u;
  if (magnitude > BITS_INFINITE) { return sign | 0x7fu; }
  return sign | min(encode_magnitude(magnitude, mantissaBits, bias), largest);
}

fn encode_float16(bits: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  let sign = (bits >> 16u) & 0x8000u;
  if (magnitude > BITS_INFINITE) { return sign | 0x7e00u; }
  return sign | min(encode_magnitude(magnitude, 10, 15), 0x7c00u);
}

fn encode_bfloat16(bits: u32) -> u32 {
  if ((bits & 0x7fffffffu) > BITS_INFINITE) { return (bits >> 16u) | 0x40u; }
  return round_shift(bits, 16u);
}

fn encode_int8(bits: u32) -> u32 {
  let magnitude = bits & 0x7fffffffu;
  if (magnitude > BITS_INFINITE) { return 0u; }
  let size = bitcast<f32>(magnitude);
  let negative = bits >= 0x80000000u;
  if (size >= 128.0) { return select(0x7fu, 0x80u, negative); }
  var whole = i32(size);
  if (size - f32(whole) >= 0.5) { whole++; }
  return u32(select(min(whole, 127), -whole, negative)) & 0xffu;
}

#if KV_INT4_PER_TOKEN_HEAD
// Whole steps of a quotient, half away from zero, saturating far beyond the codes.
fn encode_steps(quotient: u32) -> i32 { return bitcast<i32>(encode_int8(quotient) << 24u) >> 24u; }

// Stored scale of numbers in [low, high], which holds 0: the zero point stands in the four lowest bits.
fn encode_int4_scale(low: f32, high: f32) -> u32 {
  // 15, the largest float32, 1e-6
  let range = bits_quotient(bitcast<u32>(high - low), 0x41700000u);
  let scale = max(min(range, 0x7f7fffffu), 0x358637bdu) & 0xfffffff0u;
  return scale | u32(min(encode_steps(bits_quotient(bitcast<u32>(-low), scale)), 15));
}

fn encode_int4(bits: u32, stored: u32) -> u32 {
  let code = encode_steps(bits_quotient(bits, stored & 0xfffffff0u)) + i32(stored & 15u);
  return u32(clamp(code, 0, 15));
}
#end

// The code of a number under its scale.
fn encode_scaled(bits: u32, scale: u32) -> u32 {
#if KV_INT4_PER_TOKEN_HEAD
  return encode_int4(bits, scale);
#else
  return encode(bits_quotient(bits, scale));
#end
}

fn encode(bits: u32) -> u32 {
#if KV_FLOAT32
  return bits;
#end
#if KV_FLOAT16
  return encode_float16(bits);
#end
#if KV_BFLOAT16
  return encode_bfloat16(bits);
#end
#if KV_FP8_E5M2
  return encode_fp8(bits, 2, 15, 0x7bu);
#end
#if KV_INT8 || KV_INT8_PER_TOKEN_HEAD || KV_INT4_PER_TOKEN_HEAD
  return encode_int8(bits);
#end
#if KV_FP8_E4M3 || KV_FP8_PER_TOKEN_HEAD
  return encode_fp8(bits, 3, 7, 0x7eu);
#end
}

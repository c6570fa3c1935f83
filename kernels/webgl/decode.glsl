// What the stored texels of keys and values mean.
uvec4 kv_bytes(uint word) { return (uvec4(word) >> uvec4(0u, 8u, 16u, 24u)) & 0xffu; }

// e4m3fn has no infinity: only 0x7f and 0xff are special, NaN.
vec4 kv_e4m3(uvec4 code) {
  uvec4 magnitude = code & 0x7fu;
  vec4 normal = uintBitsToFloat((magnitude << 20) + (120u << 23));
  vec4 value = mix(normal, vec4(magnitude) * 0.001953125, lessThan(magnitude, uvec4(8u)));
  value = mix(value, uintBitsToFloat(uvec4(0x7fc00000u)), equal(magnitude, uvec4(0x7fu)));
  return uintBitsToFloat(floatBitsToUint(value) | ((code & 0x80u) << 24));
}

// What a stored token scale multiplies with, and what is taken off codes before: int4 hides it in the lowest bits.
#if KV_TYPE == KV_INT4_PER_TOKEN_HEAD
float kv_scale(uint stored) { return uintBitsToFloat(stored & 0xfffffff0u); }
float kv_zero(uint stored) { return float(stored & 15u); }
#else
float kv_scale(uint stored) { return uintBitsToFloat(stored); }
#endif

// Lanes 4 * quad to 4 * quad + 3 of a texel, before their scale (int4: before their zero point too).
vec4 kv_decode(uvec4 texel, int quad) {
#if KV_TYPE == KV_FLOAT32
  return uintBitsToFloat(texel);
#elif KV_TYPE == KV_FLOAT16
  uvec2 pair = quad == 0 ? texel.xy : texel.zw;
  return vec4(unpackHalf2x16(pair.x), unpackHalf2x16(pair.y));
#elif KV_TYPE == KV_BFLOAT16
  uvec2 pair = quad == 0 ? texel.xy : texel.zw;
  return uintBitsToFloat(uvec4(pair.x << 16, pair.x & 0xffff0000u, pair.y << 16, pair.y & 0xffff0000u));
#elif KV_TYPE == KV_INT8 || KV_TYPE == KV_INT8_PER_TOKEN_HEAD
  ivec4 word = ivec4(int(texel[quad]));
  return vec4((word << ivec4(24, 16, 8, 0)) >> 24);
#elif KV_TYPE == KV_INT4_PER_TOKEN_HEAD
  uint word = texel[quad / 2] >> (quad % 2 * 16);
  return vec4((uvec4(word) >> uvec4(0u, 4u, 8u, 12u)) & 15u);
#elif KV_TYPE == KV_FP8_E5M2
  uint word = texel[quad];
  vec2 even = unpackHalf2x16((word & 0x00ff00ffu) << 8);
  vec2 odd = unpackHalf2x16(word & 0xff00ff00u);
  return vec4(even.x, odd.x, even.y, odd.y);
#else
  return kv_e4m3(kv_bytes(texel[quad]));
#endif
}

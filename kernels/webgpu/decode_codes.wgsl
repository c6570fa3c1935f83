// What the stored words of keys and values mean: a texel is four words, 4 * KV_QUADS lanes.
fn kv_bytes(word: u32) -> vec4<u32> { return (vec4<u32>(word) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(0xffu); }

// e4m3fn has no infinity: only 0x7f and 0xff are special, NaN.
fn kv_e4m3(code: vec4<u32>) -> vec4<f32> {
  let magnitude = code & vec4<u32>(0x7fu);
  let normal = (magnitude << vec4<u32>(20u)) + vec4<u32>(120u << 23u);
  let small = bitcast<vec4<u32>>(vec4<f32>(magnitude) * 0.001953125);
  var bits = select(normal, small, magnitude < vec4<u32>(8u));
  bits = select(bits, vec4<u32>(0x7fc00000u), magnitude == vec4<u32>(0x7fu));
  return bitcast<vec4<f32>>(bits | ((code & vec4<u32>(0x80u)) << vec4<u32>(24u)));
}

#if KV_INT4_PER_TOKEN_HEAD
// What a stored token scale multiplies with, and what is taken off codes before: int4 hides it in the lowest bits.
fn kv_scale_bits(stored: u32) -> u32 { return stored & 0xfffffff0u; }

fn kv_zero(stored: u32) -> f32 { return f32(stored & 15u); }
#else
fn kv_scale_bits(stored: u32) -> u32 { return stored; }
#end

// Lanes 4 * quad to 4 * quad + 3 of a texel, before their scale (int4: before their zero point too).
fn kv_decode(texel: vec4<u32>, quad: i32) -> vec4<f32> {
#if KV_FLOAT32
  return bitcast<vec4<f32>>(texel);
#end
#if KV_FLOAT16
  let pair = select(texel.zw, texel.xy, quad == 0);
  return vec4<f32>(unpack2x16float(pair.x), unpack2x16float(pair.y));
#end
#if KV_BFLOAT16
  let pair = select(texel.zw, texel.xy, quad == 0);
  return bitcast<vec4<f32>>(vec4<u32>(pair.x << 16u, pair.x & 0xffff0000u, pair.y << 16u, pair.y & 0xffff0000u));
#end
#if KV_INT8 || KV_INT8_PER_TOKEN_HEAD
  let word = vec4<i32>(bitcast<i32>(texel[quad]));
  return vec4<f32>((word << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
#end
#if KV_INT4_PER_TOKEN_HEAD
  let word = texel[quad / 2] >> u32(quad % 2 * 16);
  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u));
#end
#if KV_FP8_E5M2
  let word = texel[quad];
  let even = unpack2x16float((word & 0x00ff00ffu) << 8u);
  let odd = unpack2x16float(word & 0xff00ff00u);
  return vec4<f32>(even.x, odd.x, even.y, odd.y);
#end
#if KV_FP8_E4M3 || KV_FP8_PER_TOKEN_HEAD
  return kv_e4m3(kv_bytes(texel[quad]));
#end
}

// float32 to fp8 codes, or with DECODES back.
#include "webgpu/encode.wgsl"
#include "webgpu/decode_codes.wgsl"
#bind read source: array<u32>
#bind write output: array<u32>

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
  let i = i32(id.y * workgroups.x * THREADS + id.x);
  if (i >= p.count) { return; }
#if DECODES
  let real = kv_decode(vec4<u32>(source[i]), 0).x;
  output[i] = bits_product(bitcast<u32>(real), p.scale);
#else
  output[i] = encode(bits_quotient(source[i], p.scale));
#end
}

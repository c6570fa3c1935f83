// Dequantised rows of slots `[T, K, lanes]`; zeros for slot -1. A slot of a stretch that is not bound is left alone.
#include "webgpu/decode_codes.wgsl"
#include "webgpu/float_bits.wgsl"
#bind read slots: array<i32>
#bind read scales: array<u32>
#bind read codes: array<vec4<u32>>
#bind write output: array<u32>

@compute @workgroup_size(THREADS)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>) {
  let i = i32(id.y * workgroups.x * THREADS + id.x);
  let quads = p.rowTexels * KV_QUADS;
  let row = i / quads;
  let token = row / p.numKvHeads;
  if (token >= p.numTokens) { return; }
  let head = row - token * p.numKvHeads;
  let quad = i - row * quads;
  let slot = slots[token];
  let bound = slot * p.numKvHeads + head - p.firstRow;
  if (slot >= 0 && (bound < 0 || bound >= p.boundRows)) { return; }
  var lanes = vec4<u32>(0u);
  if (slot >= 0) {
    let words = codes[bound * p.rowTexels + quad / KV_QUADS];
#if TOKEN_SCALES
    let scale = scales[p.scalesAt + bound + p.firstRow];
#else
    let scale = scales[p.scalesAt + head];
#end
#if KV_INT4_PER_TOKEN_HEAD
    lanes = bitcast<vec4<u32>>(kv_decode(words, quad % KV_QUADS) - kv_zero(scale));
#else
    lanes = bitcast<vec4<u32>>(kv_decode(words, quad % KV_QUADS));
#end
    for (var lane = 0; lane < 4; lane++) { lanes[lane] = bits_product(lanes[lane], kv_scale_bits(scale)); }
  }
  for (var lane = 0; lane < min(4, p.lanes - quad * 4); lane++) {
    output[row * p.lanes + quad * 4 + lane] = lanes[lane];
  }
}

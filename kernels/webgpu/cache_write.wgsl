// Rows of new keys or values, encoded into their slots. ROW_THREADS threads a row (token, KV head).
#include "webgpu/encode.wgsl"
#bind read source: array<u32>
#bind read slots: array<i32>
#if TOKEN_SCALES
#bind write scales: array<u32>
#else
#bind read scales: array<u32>
#end
#bind write codes: array<vec4<u32>>
#if TOKEN_SCALES

// Least and largest number of each thread's lanes, 0 among them.
var<workgroup> extremes: array<vec2<f32>, THREADS>;
#end

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32) {
  let thread = i32(local);
  let place = thread % ROW_THREADS;
  let row = i32(workgroup.y * workgroups.x + workgroup.x) * (THREADS / ROW_THREADS) + thread / ROW_THREADS;
  let token = row / p.numKvHeads;
  let head = row - token * p.numKvHeads;
  var slot = -1;
  if (token < p.numTokens) { slot = slots[token]; }
  let first = row * p.lanes;
#if TOKEN_SCALES
  // A NaN is no size.
  var least = 0.0;
  var largest = 0.0;
  if (slot >= 0) {
    for (var lane = place; lane < p.lanes; lane += ROW_THREADS) {
      let bits = source[first + lane];
      if ((bits & 0x7fffffffu) <= BITS_INFINITE) {
        least = min(least, bitcast<f32>(bits));
        largest = max(largest, bitcast<f32>(bits));
      }
    }
  }
  extremes[thread] = vec2<f32>(least, largest);
  workgroupBarrier();
  for (var i = thread - place; i < thread - place + ROW_THREADS; i++) {
    least = min(least, extremes[i].x);
    largest = max(largest, extremes[i].y);
  }
#if KV_INT4_PER_TOKEN_HEAD
  let scale = encode_int4_scale(least, largest);
#else
  // max(max|x| / largest code, 1e-6)
  let scale = max(bits_quotient(bitcast<u32>(max(-least, largest)), p.largest), 0x358637bdu);
#end
#else
  let scale = scales[p.scalesAt + head];
#end
  if (slot < 0) { return; }
  let to = slot * p.numKvHeads + head;
#if TOKEN_SCALES
  if (place == 0 && p.firstRow <= to && to < p.firstRow + p.boundRows) { scales[p.scalesAt + to] = scale; }
#end
  let bound = to - p.firstRow;
  if (bound < 0 || bound >= p.boundRows) { return; }
  for (var texel = place; texel < p.rowTexels; texel += ROW_THREADS) {
    var words = vec4<u32>(0u);
    for (var i = 0; i < 4 * KV_QUADS; i++) {
      let lane = texel * 4 * KV_QUADS + i;
      if (lane >= p.lanes) { break; }
      let code = encode_scaled(source[first + lane], scale);
      words[i / KV_QUADS] |= code << u32(i % KV_QUADS * (32 / KV_QUADS));
    }
    codes[bound * p.rowTexels + texel] = words;
  }
}

// Two states of the same rows over different keys. One workgroup a row.
#include "parts/softmax.wgsl"
#bind read outputA: array<f32>
#bind read outputB: array<f32>
#bind read lseA: array<u32>
#bind read lseB: array<u32>
#if FEATURE_SINKS
#bind read sinks: array<f32>
#end
#bind write output: array<f32>
#bind write lse: array<u32>

// An lse of +inf stands for no visible key in some libraries; so it does here.
fn merge_lse(bits: u32) -> f32 {
  return select(bitcast<f32>(bits), SOFTMAX_NONE, bits == 0x7f800000u || bits == BITS_MINUS_INFINITE);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32) {
  let row = i32(workgroup.y * workgroups.x + workgroup.x);
  if (row >= p.numRows) { return; }
  let a = merge_lse(lseA[row]);
  let b = merge_lse(lseB[row]);
  let m = select(b, a, a > b || softmax_is_nan(a));
  let weightA = softmax_rescale(a, m);
  let weightB = softmax_rescale(b, m);
#if FEATURE_SINKS
  let sink = max(sinks[row % p.numHeads], SOFTMAX_NONE);
#else
  let sink = SOFTMAX_NONE;
#end
  let finished = softmax_finish(m, weightA + weightB, sink);
  if (thread == 0u) { lse[row] = finished.lse; }
  for (var lane = i32(thread); lane < p.lanes; lane += THREADS) {
    let i = row * p.lanes + lane;
    output[i] = softmax_keep(vec4<f32>(outputA[i]), weightA * finished.scale).x +
      softmax_keep(vec4<f32>(outputB[i]), weightB * finished.scale).x;
  }
}

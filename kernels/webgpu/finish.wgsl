// Merges the states of rows whose keys were split, applies sinks and writes them. One workgroup a row.
#include "parts/score.wgsl"
#include "webgpu/state.wgsl"
#include "webgpu/output.wgsl"
#if PAGED
#bind read scales: array<u32>
#end

@compute @workgroup_size(MERGE_THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32) {
  let index = i32(workgroup.y * workgroups.x + workgroup.x);
  if (index >= p.numMerges * ROWS) { return; }
  let kvHead = i32(workgroup.z);
  let r = index % ROWS;
  let group = batch_group(ints[p.mergesAt + p.firstMerge + index / ROWS]);
  let sequence = batch_sequence(group.sequence);
  let row = batch_row(sequence, kvHead, group.row + r);
  if (!row.valid) { return; }
  let begin = group.slot * p.numSegments;
  let end = begin + group.slots * p.numSegments;
  var m = SOFTMAX_NONE;
  for (var slot = begin; slot < end; slot++) {
    let other = state[state_row(slot, kvHead, r) + VALUE_QUADS].x;
    m = select(m, other, other > m);
  }
  var l = 0.0;
  for (var slot = begin; slot < end; slot++) {
    let part = state[state_row(slot, kvHead, r) + VALUE_QUADS];
    l += part.y * softmax_rescale(part.x, m);
  }
  let finished = softmax_finish(m, l, score_sink(row.head));
  if (thread == 0u) { output_lse(sequence, row, finished.lse); }
#if PAGED
  let factor = finished.scale * bitcast<f32>(scales[p.numKvHeads + kvHead]);
#else
  let factor = finished.scale;
#end
  for (var quad = i32(thread); quad < VALUE_QUADS; quad += MERGE_THREADS) {
    var sum = vec4<f32>(0.0);
    for (var slot = begin; slot < end; slot++) {
      let at = state_row(slot, kvHead, r);
      let part = state[at + VALUE_QUADS];
      if (part.y != 0.0) { sum += state[at + quad] * softmax_rescale(part.x, m); }
    }
    output_quad(sequence, row, quad, select(sum * factor, vec4<f32>(0.0), l == 0.0));
  }
}

// What an item leaves: finished rows, or with SPLIT the states of rows to be merged.
#include "parts/kv.wgsl"
#include "parts/score.wgsl"
#if SPLIT
#include "webgpu/state.wgsl"
#else
#include "webgpu/output.wgsl"
#end

// What the quads of a row are multiplied with before they are stored, and its lse or state is stored.
fn result_begin(item: Item, sequence: Sequence, kvHead: i32, r: i32, row: Row, m: f32, l: f32, first: bool) -> f32 {
#if SPLIT
  if (first) { state_store(item.slot, kvHead, r, VALUE_QUADS, vec4<f32>(m, l, 0.0, 0.0)); }
  return 1.0;
#else
  let finished = softmax_finish(m, l, score_sink(row.head));
  if (first) { output_lse(sequence, row, finished.lse); }
  return finished.scale * select(kv_value_head_scale(kvHead), 0.0, l == 0.0);
#end
}

fn result_quad(item: Item, sequence: Sequence, kvHead: i32, r: i32, row: Row, quad: i32, x: vec4<f32>) {
#if SPLIT
  state_store(item.slot, kvHead, r, quad, x);
#else
  output_quad(sequence, row, quad, x);
#end
}

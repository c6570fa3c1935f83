// States of rows whose keys are split: VALUE_QUADS quads of weighted values, then (m, l).
#if MERGES
#bind read state: array<vec4<f32>>
#else
#bind write state: array<vec4<f32>>
#end

fn state_row(slot: i32, kvHead: i32, r: i32) -> i32 { return ((slot * p.numKvHeads + kvHead) * ROWS + r) * (VALUE_QUADS + 1); }

#if !MERGES
// Slots of all bound stretches of the cache lie side by side.
fn state_store(slot: i32, kvHead: i32, r: i32, quad: i32, x: vec4<f32>) {
  state[state_row(slot * p.numSegments + p.segment, kvHead, r) + quad] = x;
}
#end

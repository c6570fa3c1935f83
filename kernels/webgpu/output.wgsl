// Where finished rows go: the output tensor, and lse where it is asked for.
#include "webgpu/batch.wgsl"
#include "parts/softmax.wgsl"
#if OUTPUT_SCALAR
#bind write output: array<f32>
#else
#bind write output: array<vec4<f32>>
#end
#if RETURN_LSE
#bind write lse: array<u32>
#end

fn output_quad(sequence: Sequence, row: Row, quad: i32, x: vec4<f32>) {
  let first = sequence.index * p.outStrideBatch + row.token * p.outStrideToken + row.head * p.outStrideHead;
#if OUTPUT_SCALAR
  let at = first + quad * 4;
  for (var lane = 0; lane < min(4, p.valueHeadSize - quad * 4); lane++) { output[at + lane] = x[lane]; }
#else
  output[first / 4 + quad] = x;
#end
}

fn output_lse(sequence: Sequence, row: Row, bits: u32) {
#if RETURN_LSE
  lse[sequence.index * p.lseStrideBatch + row.token * p.lseStrideToken + row.head * p.lseStrideHead] = bits;
#end
}

// Lanes of query rows.
#include "webgpu/batch.wgsl"
#if QUERIES_SCALAR
#bind read queries: array<f32>
#else
#bind read queries: array<vec4<f32>>
#end

// Four lanes of a row; zeros past the last lane and for rows that are none.
fn query_quad(sequence: Sequence, row: Row, quad: i32) -> vec4<f32> {
  if (!row.valid || quad >= QUERY_QUADS) { return vec4<f32>(0.0); }
  let first = sequence.index * p.qStrideBatch + row.token * p.qStrideToken + row.head * p.qStrideHead;
#if QUERIES_SCALAR
  let at = first + quad * 4;
  let last = first + p.headSize - 1;
  let lanes = vec4<f32>(queries[at], queries[min(at + 1, last)], queries[min(at + 2, last)],
    queries[min(at + 3, last)]);
  return select(vec4<f32>(0.0), lanes, vec4<i32>(0, 1, 2, 3) < vec4<i32>(p.headSize - quad * 4));
#else
  return queries[first / 4 + quad];
#end
}

// Many rows over many keys. A workgroup keeps ROWS query rows and walks tiles of KEYS keys: a thread scores ROWS_EACH rows
// against KEYS_EACH keys, then adds weighted values to VALUE_COLUMNS quads of the same rows, all in registers. What rows
// and columns of threads share lies in workgroup memory, with strides that keep neighbouring threads in different banks.
#if SUBGROUPS
enable subgroups;
#end
#include "parts/kv.wgsl"
#include "parts/score.wgsl"
#include "parts/mask.wgsl"
#include "webgpu/queries.wgsl"
#include "webgpu/results.wgsl"

var<workgroup> group_rows: array<Row, ROWS>;
var<workgroup> query_tile: array<vec4<f32>, QUERY_TILE>;
// A chunk of all keys' lanes, then a part of the keys' values.
var<workgroup> kv_tile: array<vec4<f32>, KV_TILE>;
var<workgroup> weight_tile: array<vec4<f32>, WEIGHT_TILE>;
// Where the tile's keys lie; -1 where there is none.
var<workgroup> key_rows: array<i32, KEYS>;
// Whether a value of this tile is NaN or infinite.
var<workgroup> hazard: atomic<u32>;
#if !SUBGROUPS
var<workgroup> partials: array<f32, PARTIALS>;
// m of each row, and what its sums are multiplied with.
var<workgroup> row_state: array<vec2<f32>, ROWS>;
#end

#if SUBGROUPS
// Over the threads of a row, which are neighbours in a subgroup.
fn columns_max(x: f32) -> f32 {
  var top = x;
  for (var step = 1u; step < COLUMNS; step *= 2u) {
    let other = subgroupShuffleXor(top, step);
    top = select(top, other, other > top);
  }
  return top;
}

fn columns_sum(x: f32) -> f32 {
  var sum = x;
  for (var step = 1u; step < COLUMNS; step *= 2u) { sum += subgroupShuffleXor(sum, step); }
  return sum;
}
#end

fn load_queries(sequence: Sequence, thread: i32, first: i32) {
  for (var i = thread; i < ROWS * QUERY_WIDTH; i += THREADS) {
    let r = i / QUERY_WIDTH;
    let quad = i - r * QUERY_WIDTH;
    query_tile[r * QUERY_STRIDE + quad] = query_quad(sequence, group_rows[r], first + quad);
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) local: u32) {
  let index = i32(workgroup.y * workgroups.x + workgroup.x);
  if (index >= p.numItems) { return; }
  let thread = i32(local);
  let kvHead = i32(workgroup.z);
  let item = batch_item(p.firstItem + index);
  let group = batch_group(item.group);
  let sequence = batch_sequence(group.sequence);
  let column = thread % COLUMNS;
  let row0 = thread / COLUMNS * ROWS_EACH;
  for (var r = thread; r < ROWS; r += THREADS) {
    group_rows[r] = batch_row(sequence, kvHead, group.row + r);
#if !SUBGROUPS
    row_state[r] = vec2<f32>(SOFTMAX_NONE, 0.0);
#end
  }
#if RESIDENT_QUERIES
  workgroupBarrier();
  load_queries(sequence, thread, 0);
#end
  let scale = p.softmaxScale * kv_key_head_scale(kvHead);
  var m: array<f32, ROWS_EACH>;
  var l: array<f32, ROWS_EACH>;
  for (var r = 0; r < ROWS_EACH; r++) { m[r] = SOFTMAX_NONE; }
#for r in ROWS_EACH
#for c in VALUE_COLUMNS
  var o@r_@c = vec4<f32>(0.0);
#end
#end

  for (var tile = item.begin; tile < item.end; tile += KEYS) {
    let key0 = batch_key(group, tile);
    let count = min(KEYS, item.end - tile);
    workgroupBarrier();
    for (var i = thread; i < KEYS; i += THREADS) {
      key_rows[i] = -1;
      if (i < count) { key_rows[i] = kv_bound_row(kv_row(sequence, key0 + i, kvHead)); }
    }
    if (thread == 0) { atomicStore(&hazard, 0u); }
#for r in ROWS_EACH
#for k in KEYS_EACH
    var s@r_@k = 0.0;
#end
#end

    for (var chunk = 0; chunk < KEY_CHUNKS; chunk++) {
      workgroupBarrier();
      for (var i = thread; i < KEYS * CHUNK_TEXELS; i += THREADS) {
        let key = i / CHUNK_TEXELS;
        let texel = i - key * CHUNK_TEXELS;
        let row = key_rows[key];
        var words = vec4<u32>(0u);
        if (row >= 0 && chunk * CHUNK_TEXELS + texel < KEY_TEXELS) { words = kv_key(row, chunk * CHUNK_TEXELS + texel); }
        // Keys of one thread are neighbours for the weights' sake, and COLUMNS apart for the banks'.
        let at = (key % KEYS_EACH * COLUMNS + key / KEYS_EACH) * KEY_STRIDE + texel * KV_QUADS;
#for d in KV_QUADS
#if KV_INT4_PER_TOKEN_HEAD
        kv_tile[at + @d] = kv_decode(words, @d) - kv_key_zero(max(row, 0));
#else
        kv_tile[at + @d] = kv_decode(words, @d);
#end
#end
      }
#if RESIDENT_QUERIES
      let query0 = row0 * QUERY_STRIDE + chunk * CHUNK_TEXELS * KV_QUADS;
#else
      load_queries(sequence, thread, chunk * QUERY_WIDTH);
      let query0 = row0 * QUERY_STRIDE;
#end
      workgroupBarrier();
      let quads = min(CHUNK_TEXELS, KEY_TEXELS - chunk * CHUNK_TEXELS) * KV_QUADS;
      for (var quad = 0; quad < quads; quad++) {
#for r in ROWS_EACH
        let q@r = query_tile[query0 + @r * QUERY_STRIDE + quad];
#end
#for k in KEYS_EACH
        let k@k = kv_tile[(@k * COLUMNS + column) * KEY_STRIDE + quad];
#end
#for r in ROWS_EACH
#for k in KEYS_EACH
        s@r_@k += dot(q@r, k@k);
#end
#end
      }
    }

    // From products to scores: short code before registers, so the hooks stand here once.
    var scores: array<vec4<f32>, ROWS_EACH>;
#for r in ROWS_EACH
    scores[@r] = vec4<f32>(s@r_0, s@r_1, s@r_2, s@r_3);
#end
    var tops: array<f32, ROWS_EACH>;
    for (var r = 0; r < ROWS_EACH; r++) {
      let row = group_rows[row0 + r];
      var top = SOFTMAX_NONE;
      for (var k = 0; k < KEYS_EACH; k++) {
        let place = column * KEYS_EACH + k;
        let key = key0 + min(place, count - 1);
        let bound = key_rows[place];
        var s = scores[r][k] * scale;
#if TOKEN_SCALES
        s *= kv_key_scale(max(bound, 0));
#end
        s = score_apply(sequence, row, key, s);
        s = select(SOFTMAX_NONE, s, bound >= 0 && mask_visible(sequence, row, key));
        top = select(top, s, s > top);
        scores[r][k] = s;
      }
      tops[r] = top;
    }
#if TOKEN_SCALES
    var value_scales: vec4<f32>;
    for (var k = 0; k < KEYS_EACH; k++) {
      value_scales[k] = kv_value_scale(max(key_rows[column * KEYS_EACH + k], 0));
    }
#end
#if !SUBGROUPS
    for (var r = 0; r < ROWS_EACH; r++) { partials[(row0 + r) * COLUMNS + column] = tops[r]; }
    workgroupBarrier();
    for (var i = thread; i < ROWS; i += THREADS) {
      var top = SOFTMAX_NONE;
      for (var c = 0; c < COLUMNS; c++) {
        let other = partials[i * COLUMNS + c];
        top = select(top, other, other > top);
      }
      let m = row_state[i].x;
      let next = max(m, softmax_step(top));
      row_state[i] = vec2<f32>(next, softmax_rescale(m, next));
    }
    workgroupBarrier();
#end
    var fades: array<f32, ROWS_EACH>;
    for (var r = 0; r < ROWS_EACH; r++) {
#if SUBGROUPS
      let next = max(m[r], softmax_step(columns_max(tops[r])));
      fades[r] = softmax_rescale(m[r], next);
      m[r] = next;
#else
      m[r] = row_state[row0 + r].x;
      fades[r] = row_state[row0 + r].y;
#end
      let shift = softmax_shift(m[r]);
      var w: vec4<f32>;
      for (var k = 0; k < KEYS_EACH; k++) { w[k] = softmax_weight(scores[r][k], shift); }
      l[r] = l[r] * fades[r] + (w.x + w.y) + (w.z + w.w);
#if TOKEN_SCALES
      for (var k = 0; k < KEYS_EACH; k++) { w[k] = softmax_keep(value_scales, w[k])[k]; }
#end
      weight_tile[(row0 + r) * WEIGHT_STRIDE + column] = w;
    }
#for r in ROWS_EACH
#for c in VALUE_COLUMNS
    o@r_@c *= fades[@r];
#end
#end

    for (var part = 0; part < VALUE_PARTS; part++) {
      let first = part * PART_KEYS;
      if (first >= count) { break; }
      workgroupBarrier();
      for (var i = thread; i < PART_KEYS * VALUE_TEXELS; i += THREADS) {
        let key = i / VALUE_TEXELS;
        let texel = i - key * VALUE_TEXELS;
        let row = key_rows[first + key];
        var words = vec4<u32>(0u);
        if (row >= 0) { words = kv_value(row, texel); }
#for d in KV_QUADS
        {
#if KV_INT4_PER_TOKEN_HEAD
          let quad = kv_decode(words, @d) - kv_value_zero(max(row, 0));
#else
          let quad = kv_decode(words, @d);
#end
          if (!softmax_is_finite(quad)) { atomicStore(&hazard, 1u); }
          kv_tile[key * VALUE_STRIDE + texel * KV_QUADS + @d] = quad;
        }
#end
      }
      workgroupBarrier();
      if (atomicLoad(&hazard) == 0u) {
        for (var quad = 0; quad < PART_KEYS / 4; quad++) {
#for r in ROWS_EACH
          let w@r = weight_tile[(row0 + @r) * WEIGHT_STRIDE + first / 4 + quad];
#end
#for k in KEYS_EACH
          {
#for c in VALUE_COLUMNS
            let v@c = kv_tile[(quad * 4 + @k) * VALUE_STRIDE + column + @c * COLUMNS];
#end
#for r in ROWS_EACH
#for c in VALUE_COLUMNS
            o@r_@c += w@r[@k] * v@c;
#end
#end
          }
#end
        }
      } else {
        // A value that is NaN or infinite and invisible must not meet a multiplication.
        for (var key = 0; key < PART_KEYS; key++) {
#for r in ROWS_EACH
          let w@r = weight_tile[(row0 + @r) * WEIGHT_STRIDE + (first + key) / 4][key % 4];
#end
#for c in VALUE_COLUMNS
          {
            let value = kv_tile[key * VALUE_STRIDE + column + @c * COLUMNS];
#for r in ROWS_EACH
            o@r_@c += softmax_keep(value, w@r);
#end
          }
#end
        }
      }
    }
  }

#if !SUBGROUPS
  workgroupBarrier();
  for (var r = 0; r < ROWS_EACH; r++) { partials[(row0 + r) * COLUMNS + column] = l[r]; }
  workgroupBarrier();
#end
  for (var r = 0; r < ROWS_EACH; r++) {
    let row = group_rows[row0 + r];
#if SUBGROUPS
    let sum = columns_sum(l[r]);
#else
    var sum = 0.0;
    for (var c = 0; c < COLUMNS; c++) { sum += partials[(row0 + r) * COLUMNS + c]; }
#end
    if (row.valid) {
      let factor = result_begin(item, sequence, kvHead, row0 + r, row, m[r], sum, column == 0);
      for (var c = 0; c < VALUE_COLUMNS; c++) {
        var x = vec4<f32>(0.0);
#for r in ROWS_EACH
#for c in VALUE_COLUMNS
        if (r == @r && c == @c) { x = o@r_@c; }
#end
#end
        let quad = column + c * COLUMNS;
        if (quad < VALUE_QUADS) { result_quad(item, sequence, kvHead, row0 + r, row, quad, x * factor); }
      }
    }
  }
}

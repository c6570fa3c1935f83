// Few rows over many keys: keys and values are read once for all rows of a group, straight into registers. KEY_THREADS
// neighbouring threads share a key, so that a row of the cache is read as it lies; then VALUE_SLICES threads share a texel
// of the values, each with its own keys.
#if SUBGROUPS
enable subgroups;
#end
#include "parts/kv.wgsl"
#include "parts/score.wgsl"
#include "parts/mask.wgsl"
#include "webgpu/queries.wgsl"
#include "webgpu/results.wgsl"

var<workgroup> query_tile: array<vec4<f32>, QUERY_TILE>;
// Scores of the tile, then weights.
var<workgroup> scores: array<f32, SCORES>;
var<workgroup> key_rows: array<i32, KEYS>;
#if !SUBGROUPS
var<workgroup> products: array<f32, PRODUCTS>;
#end
var<workgroup> partials: array<f32, THREADS>;
// m of each row, and what its sums are multiplied with; in the end (m, l).
var<workgroup> row_state: array<vec2<f32>, ROWS>;
var<workgroup> sums: array<vec4<f32>, THREADS>;

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
  for (var i = thread; i < ROWS * QUERY_STRIDE; i += THREADS) {
    let r = i / QUERY_STRIDE;
    query_tile[i] = query_quad(sequence, batch_row(sequence, kvHead, group.row + r), i - r * QUERY_STRIDE);
  }
  // The row whose scores this thread turns into weights, and which of the row's threads it is.
  let my_row = thread / ROW_THREADS;
  let my_place = thread % ROW_THREADS;
  let row = batch_row(sequence, kvHead, group.row + my_row);
  let scale = p.softmaxScale * kv_key_head_scale(kvHead);
  let lane = thread % KEY_THREADS;
  let texel0 = thread % VALUE_THREADS;
  let slice = thread / VALUE_THREADS;
  var m = SOFTMAX_NONE;
  var l = 0.0;
#for r in ROWS
#for c in VALUE_COLUMNS
#for d in KV_QUADS
  var o@r_@c_@d = vec4<f32>(0.0);
#end
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
    workgroupBarrier();
    for (var first = 0; first < count; first += KEYS_EACH * KEY_SLOTS) {
#for k in KEYS_EACH
      let row@k = max(key_rows[first + @k * KEY_SLOTS + thread / KEY_THREADS], 0);
#for r in ROWS
      var s@r_@k = 0.0;
#end
#end
      for (var texel = lane; texel < KEY_TEXELS; texel += KEY_THREADS) {
#for k in KEYS_EACH
        let words@k = kv_key(row@k, texel);
#end
        for (var d = 0; d < KV_QUADS; d++) {
#for k in KEYS_EACH
#if KV_INT4_PER_TOKEN_HEAD
          let k@k = kv_decode(words@k, d) - kv_key_zero(row@k);
#else
          let k@k = kv_decode(words@k, d);
#end
#end
#for r in ROWS
          {
            let q = query_tile[@r * QUERY_STRIDE + texel * KV_QUADS + d];
#for k in KEYS_EACH
            s@r_@k += dot(q, k@k);
#end
          }
#end
        }
      }
#if SUBGROUPS
#for r in ROWS
#for k in KEYS_EACH
      for (var step = 1u; step < KEY_THREADS; step *= 2u) { s@r_@k += subgroupShuffleXor(s@r_@k, step); }
      if (lane == 0) { scores[@r * KEYS + first + @k * KEY_SLOTS + thread / KEY_THREADS] = s@r_@k; }
#end
#end
#else
#for r in ROWS
#for k in KEYS_EACH
      products[(@r * KEYS_EACH + @k) * THREADS + thread] = s@r_@k;
#end
#end
      workgroupBarrier();
      for (var i = thread; i < ROWS * KEYS_EACH * KEY_SLOTS; i += THREADS) {
        var sum = 0.0;
        for (var part = 0; part < KEY_THREADS; part++) { sum += products[i * KEY_THREADS + part]; }
        let r = i / (KEYS_EACH * KEY_SLOTS);
        scores[r * KEYS + first + i - r * KEYS_EACH * KEY_SLOTS] = sum;
      }
      workgroupBarrier();
#end
    }
#if SUBGROUPS
    workgroupBarrier();
#end

    var top = SOFTMAX_NONE;
    if (my_row < ROWS) {
      for (var place = my_place; place < KEYS; place += ROW_THREADS) {
        let bound = key_rows[place];
        var s = SOFTMAX_NONE;
        if (place < count) {
          s = scores[my_row * KEYS + place] * scale;
#if TOKEN_SCALES
          s *= kv_key_scale(max(bound, 0));
#end
          s = score_apply(sequence, row, key0 + place, s);
          s = select(SOFTMAX_NONE, s, bound >= 0 && mask_visible(sequence, row, key0 + place));
        }
        top = select(top, s, s > top);
        scores[my_row * KEYS + place] = s;
      }
    }
    partials[thread] = top;
    workgroupBarrier();
    if (my_row < ROWS) {
      for (var i = my_row * ROW_THREADS; i < (my_row + 1) * ROW_THREADS; i++) {
        let other = partials[i];
        top = select(top, other, other > top);
      }
      let next = max(m, softmax_step(top));
      let fade = softmax_rescale(m, next);
      m = next;
      if (my_place == 0) { row_state[my_row] = vec2<f32>(next, fade); }
      let shift = softmax_shift(next);
      l *= fade;
      for (var place = my_place; place < KEYS; place += ROW_THREADS) {
        var w = softmax_weight(scores[my_row * KEYS + place], shift);
        l += w;
#if TOKEN_SCALES
        w = softmax_keep(vec4<f32>(kv_value_scale(max(key_rows[place], 0))), w).x;
#end
        scores[my_row * KEYS + place] = w;
      }
    }
    workgroupBarrier();

#for r in ROWS
    {
      let fade = row_state[@r].y;
#for c in VALUE_COLUMNS
#for d in KV_QUADS
      o@r_@c_@d *= fade;
#end
#end
    }
#end
    if (slice < VALUE_SLICES) {
      for (var first = slice; first < count; first += VALUES_EACH * VALUE_SLICES) {
#for k in VALUES_EACH
        let place@k = min(first + @k * VALUE_SLICES, KEYS - 1);
        let inside@k = first + @k * VALUE_SLICES < count;
        let row@k = max(key_rows[place@k], 0);
#for c in VALUE_COLUMNS
        let words@k_@c = kv_value(row@k, min(texel0 + @c * THREADS, VALUE_TEXELS - 1));
#end
#end
#for k in VALUES_EACH
#for r in ROWS
        let w@r_@k = select(0.0, scores[@r * KEYS + place@k], inside@k);
#end
#for c in VALUE_COLUMNS
#for d in KV_QUADS
        {
#if KV_INT4_PER_TOKEN_HEAD
          let value = kv_decode(words@k_@c, @d) - kv_value_zero(row@k);
#else
          let value = kv_decode(words@k_@c, @d);
#end
          if (softmax_is_finite(value)) {
#for r in ROWS
            o@r_@c_@d += w@r_@k * value;
#end
          } else {
            // NaN or infinite: it must not meet a multiplication where it is invisible.
#for r in ROWS
            o@r_@c_@d += softmax_keep(value, w@r_@k);
#end
          }
        }
#end
#end
#end
      }
    }
  }

  partials[thread] = l;
  workgroupBarrier();
  if (my_row < ROWS && my_place == 0) {
    l = 0.0;
    for (var i = my_row * ROW_THREADS; i < (my_row + 1) * ROW_THREADS; i++) { l += partials[i]; }
    row_state[my_row] = vec2<f32>(m, l);
  }
  for (var r = 0; r < ROWS; r++) {
    let row = batch_row(sequence, kvHead, group.row + r);
    for (var i = 0; i < VALUE_COLUMNS * KV_QUADS; i++) {
      workgroupBarrier();
#for r in ROWS
#for c in VALUE_COLUMNS
#for d in KV_QUADS
      if (r == @r && i == @c * KV_QUADS + @d) { sums[thread] = o@r_@c_@d; }
#end
#end
#end
      workgroupBarrier();
      let quad = (texel0 + i / KV_QUADS * THREADS) * KV_QUADS + i % KV_QUADS;
      if (slice == 0 && quad < VALUE_QUADS && row.valid) {
        var sum = vec4<f32>(0.0);
        for (var j = 0; j < VALUE_SLICES; j++) { sum += sums[j * VALUE_THREADS + texel0]; }
        let state = row_state[r];
        let factor = result_begin(item, sequence, kvHead, r, row, state.x, state.y, quad == 0);
        result_quad(item, sequence, kvHead, r, row, quad, sum * factor);
      }
    }
  }
}

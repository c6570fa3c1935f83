// Where key or value j of a sequence lies, dense or paged, and what its stored words mean.
#include "webgpu/batch.wgsl"
#include "webgpu/decode_codes.wgsl"
#if KEYS_SCALAR
#bind read keys: array<u32>
#else
#bind read keys: array<vec4<u32>>
#end
#if VALUES_SCALAR
#bind read values: array<u32>
#else
#bind read values: array<vec4<u32>>
#end
#if PAGED
// `[K]` of keys, `[K]` of values; then `[P, C, K]` of keys and of values for types that have a scale a token.
#bind read scales: array<u32>
#end

// Row of the cache `[P * C, K]`, or of dense keys `[B, S, K]` or, HEADS_FIRST, `[B, K, S]`.
fn kv_row(sequence: Sequence, key: i32, kvHead: i32) -> i32 {
#if PAGED
  let block = key / BLOCK_SIZE;
  let slot = batch_block(sequence, block) * BLOCK_SIZE + key - block * BLOCK_SIZE;
  return slot * p.numKvHeads + kvHead;
#else
#if HEADS_FIRST
  return (sequence.index * p.numKvHeads + kvHead) * p.maxSeqLen + key;
#else
  return (sequence.index * p.maxSeqLen + key) * p.numKvHeads + kvHead;
#end
#end
}

// Row within what is bound, which may be one of several stretches of a large cache; -1 where it lies in another.
fn kv_bound_row(row: i32) -> i32 {
#if SEGMENTS
  let here = row - p.firstRow;
  return select(-1, here, here >= 0 && here < p.boundRows);
#else
  return row;
#end
}

#if KEYS_SCALAR || VALUES_SCALAR
fn kv_scalars(first: i32, count: i32, quad: vec4<u32>) -> vec4<u32> {
  return select(vec4<u32>(0u), quad, vec4<i32>(0, 1, 2, 3) < vec4<i32>(count));
}
#end

// A texel of a bound row of keys; lanes past the last are 0.
fn kv_key(row: i32, texel: i32) -> vec4<u32> {
#if KEYS_SCALAR
  let i = row * KEY_LANES + texel * 4;
  let last = row * KEY_LANES + KEY_LANES - 1;
  let quad = vec4<u32>(keys[i], keys[min(i + 1, last)], keys[min(i + 2, last)], keys[min(i + 3, last)]);
  return kv_scalars(i, KEY_LANES - texel * 4, quad);
#else
  return keys[row * KEY_TEXELS + texel];
#end
}

fn kv_value(row: i32, texel: i32) -> vec4<u32> {
#if VALUES_SCALAR
  let i = row * VALUE_LANES + texel * 4;
  let last = row * VALUE_LANES + VALUE_LANES - 1;
  let quad = vec4<u32>(values[i], values[min(i + 1, last)], values[min(i + 2, last)], values[min(i + 3, last)]);
  return kv_scalars(i, VALUE_LANES - texel * 4, quad);
#else
  return values[row * VALUE_ROW_TEXELS + texel];
#end
}

fn kv_key_scale(row: i32) -> f32 {
#if TOKEN_SCALES
  return bitcast<f32>(kv_scale_bits(scales[p.keyScalesAt + row]));
#else
  return 1.0;
#end
}

fn kv_value_scale(row: i32) -> f32 {
#if TOKEN_SCALES
  return bitcast<f32>(kv_scale_bits(scales[p.valueScalesAt + row]));
#else
  return 1.0;
#end
}

// What is taken off the lanes of a row.
fn kv_key_zero(row: i32) -> f32 {
#if KV_INT4_PER_TOKEN_HEAD
  return kv_zero(scales[p.keyScalesAt + row]);
#else
  return 0.0;
#end
}

fn kv_value_zero(row: i32) -> f32 {
#if KV_INT4_PER_TOKEN_HEAD
  return kv_zero(scales[p.valueScalesAt + row]);
#else
  return 0.0;
#end
}

// What all keys of a KV head are multiplied with.
fn kv_key_head_scale(kvHead: i32) -> f32 {
#if PAGED
  return bitcast<f32>(scales[kvHead]);
#else
  return 1.0;
#end
}

fn kv_value_head_scale(kvHead: i32) -> f32 {
#if PAGED
  return bitcast<f32>(scales[p.numKvHeads + kvHead]);
#else
  return 1.0;
#end
}

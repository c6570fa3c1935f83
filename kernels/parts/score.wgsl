// From a scaled product to a score: soft cap, bias, tree bias, ALiBi.
#include "webgpu/batch.wgsl"
#include "parts/softmax.wgsl"
#if FEATURE_BIAS || JOINED_MASK
// As bits: a bias of -inf hides its key. Behind it the mask where both would take a binding too many.
#bind read bias: array<u32>
#end
#if FLOATS
// ALiBi slopes, sinks, tree bias.
#bind read floats: array<f32>
#end

// tanh, relatively accurate near 0 too: an odd polynomial below 0.55, 1 - 2e / (1 + e) with e = e^-2|x| above.
fn score_tanh(x: f32) -> f32 {
  let size = abs(x);
  let square = x * x;
  var y = 1.6437580808997154e-2 * square - 5.2671812474727631e-2;
  y = (y * square + 1.3320724666118622e-1) * square - 3.3332946896553040e-1;
  let small = y * square * x + x;
  let e = softmax_exp(-2.0 * size);
  let large = 1.0 - (e + e) / (1.0 + e);
  return select(select(large, -large, x < 0.0), small, size < 0.55);
}

// -inf hides the key even if s is NaN.
fn score_add(s: f32, bits: u32) -> f32 {
  return select(s + bitcast<f32>(bits), SOFTMAX_NONE, bits == BITS_MINUS_INFINITE);
}

fn score_apply(sequence: Sequence, row: Row, key: i32, product: f32) -> f32 {
  var s = product;
#if FEATURE_SOFTCAP
  s = select(p.logitsSoftCap * score_tanh(s / p.logitsSoftCap), s, softmax_is_nan(s));
#end
#if FEATURE_BIAS
  if (row.valid) {
    let at = sequence.index * p.biasStrideBatch + row.head * p.biasStrideHead + row.token * p.biasStrideToken;
    s = score_add(s, bias[at + key * p.biasStrideKey]);
  }
#end
#if FEATURE_QQ_BIAS
  let column = key - (sequence.keys - sequence.length);
  if (column >= 0 && column < p.qqBiasSize && row.query < p.qqBiasSize) {
    s = score_add(s, bitcast<u32>(floats[p.qqBiasAt + row.query * p.qqBiasSize + column]));
  }
#end
#if FEATURE_ALIBI
  s -= floats[p.alibiAt + row.head] * abs(f32(row.position - key));
#end
  return s;
}

fn score_sink(head: i32) -> f32 {
#if FEATURE_SINKS
  let sink = floats[p.sinksAt + head];
  return select(sink, SOFTMAX_NONE, bitcast<u32>(sink) == BITS_MINUS_INFINITE);
#else
  return SOFTMAX_NONE;
#end
}

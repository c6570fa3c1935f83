// The running softmax: a row's state is (m, l, o) with weights exp(s - m), l their sum and o their weighted values. m is
// the largest score so far to the nearest multiple of SOFTMAX_STEP, so that it seldom changes from tile to tile.
// No score: the language knows no infinite constants, so the lowest finite number and whatever lies below stands for it.
const SOFTMAX_NONE = -0x1.fffffep+127f;
const SOFTMAX_STEP = 8.0;
const BITS_MINUS_INFINITE = 0xff800000u;

// By bits: compilers may take x != x for false.
fn softmax_is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

fn softmax_is_none(s: f32) -> bool {
  let bits = bitcast<u32>(s);
  return bits == BITS_MINUS_INFINITE || bits == 0xff7fffffu;
}

// e^x for x <= 80, within 2 units in the last place; 0 below -87.7, NaN kept.
fn softmax_exp(x: f32) -> f32 {
  let low = max(x, -88.02969193);
  let n = floor(low * 1.44269504 + 0.5);
  var r = low - n * 0.693359375;
  r += n * 2.1219444170128554e-4;
  var y = 1.381459878757596e-3 * r + 8.368716575205326e-3;
  y = y * r + 4.166838899254799e-2;
  y = y * r + 1.666652113199234e-1;
  y = y * r + 4.999999403953552e-1;
  y = y * r + 1.0;
  y = y * r + 1.0;
  y *= bitcast<f32>(u32(i32(n) + 127) << 23u);
  return select(y, x, softmax_is_nan(x));
}

// ln x for normal x > 0: x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)). NaN and infinity stay what they are.
fn softmax_log(x: f32) -> f32 {
  let bits = bitcast<i32>(x);
  let e = (bits - 0x3f3504f3) >> 23u;
  let f = bitcast<f32>(bits - (e << 23u)) - 1.0;
  var y = -7.8596182167530060e-2 * f + 1.2881650030612946e-1;
  y = y * f - 1.3128753006458282e-1;
  y = y * f + 1.4181192219257355e-1;
  y = y * f - 1.6624553501605988e-1;
  y = y * f + 2.0002286136150360e-1;
  y = y * f - 2.5000810623168945e-1;
  y = y * f + 3.3333316445350647e-1;
  y = (y * f - 0.5) * (f * f) + f;
  y += f32(e) * 0.693147180559945;
  return select(y, x, (bits & 0x7f800000) == 0x7f800000);
}

// What scores are measured from: 0 while nothing is visible.
fn softmax_shift(m: f32) -> f32 { return select(m, 0.0, softmax_is_none(m)); }

// The m of a largest score.
fn softmax_step(top: f32) -> f32 {
  return select(floor(top * (1.0 / SOFTMAX_STEP) + 0.5) * SOFTMAX_STEP, top, softmax_is_none(top));
}

// What a score weighs when measured from `shift`: 0 where the key is invisible.
fn softmax_weight(s: f32, shift: f32) -> f32 { return select(softmax_exp(s - shift), 0.0, softmax_is_none(s)); }

// What weights measured from m become when measured from `top`.
fn softmax_rescale(m: f32, top: f32) -> f32 { return softmax_weight(m, softmax_shift(top)); }

// 1 / x to the last place but one: division alone may be off by 2.5.
fn softmax_reciprocal(x: f32) -> f32 {
  let y = 1.0 / x;
  let finer = fma(y, fma(-y, x, 1.0), y);
  return select(y, finer, abs(y) < 1e38 && abs(y) > 1e-37);
}

struct Finished {
  // Multiplies o; 0 where the row is empty.
  scale: f32,
  // Bits of the natural log of the denominator without the sink; minus infinity where the row is empty.
  lse: u32,
}

// Ends a row: the sink joins the denominator here and nowhere else.
fn softmax_finish(m: f32, l: f32, sink: f32) -> Finished {
  let top = softmax_shift(max(m, sink));
  let scale = softmax_rescale(m, top);
  let sum = l * scale + softmax_rescale(sink, top);
  let lse = bitcast<u32>(m + softmax_log(l));
  if (l == 0.0) { return Finished(0.0, BITS_MINUS_INFINITE); }
  return Finished(scale * softmax_reciprocal(sum), lse);
}

// x * factor where a factor of 0 gives 0 even if x is NaN or infinite.
fn softmax_keep(x: vec4<f32>, factor: f32) -> vec4<f32> {
  let mask = select(0xffffffffu, 0u, factor == 0.0);
  return bitcast<vec4<f32>>(bitcast<vec4<u32>>(x) & vec4<u32>(mask)) * factor;
}

fn softmax_is_finite(x: vec4<f32>) -> bool {
  return all((bitcast<vec4<u32>>(x) & vec4<u32>(0x7f800000u)) != vec4<u32>(0x7f800000u));
}

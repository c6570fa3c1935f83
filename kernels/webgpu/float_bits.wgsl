// float32 by its bits: quotients and products rounded as IEEE asks, which GPU arithmetic does not promise.
const BITS_ONE = 0x3f800000u;
const BITS_INFINITE = 0x7f800000u;

fn round_shift(bits: u32, count: u32) -> u32 {
  return (bits + ((1u << (count - 1u)) - 1u) + ((bits >> count) & 1u)) >> count;
}

// magnitude = significand * 2^exponent with significand in [2^23, 2^24).
struct Split {
  significand: u32,
  exponent: i32,
}

fn bits_split(magnitude: u32) -> Split {
  if (magnitude >= 0x800000u) { return Split((magnitude & 0x7fffffu) | 0x800000u, i32(magnitude >> 23u) - 150); }
  let shift = countLeadingZeros(magnitude) - 8u;
  return Split(magnitude << shift, -149 - i32(shift));
}

// Nearest float32 to significand * 2^exponent, significand in [2^26, 2^27) with what was cut off as its last bit.
fn bits_join(significand: u32, exponent: i32) -> u32 {
  let field = exponent + 153;
  if (field > 254) { return BITS_INFINITE; }
  if (field >= 1) { return (u32(field - 1) << 23u) + round_shift(significand, 3u); }
  let drop = 4 - field;
  if (drop > 28) { return 0u; }
  return round_shift(significand, u32(drop));
}

// Zero, infinity and NaN stay what they are under a finite factor above 0.
fn bits_stay(magnitude: u32) -> bool { return magnitude == 0u || magnitude >= BITS_INFINITE; }

// x / scale, scale positive. Eight bits a step; 0xff << 24 and the remainder fit 32 bits.
fn bits_quotient(x: u32, scale: u32) -> u32 {
  let magnitude = x & 0x7fffffffu;
  if (scale >= BITS_INFINITE) { return select(0x7fc00000u, x & 0x80000000u, magnitude < BITS_INFINITE); }
  if (scale == BITS_ONE || bits_stay(magnitude)) { return x; }
  let a = bits_split(magnitude);
  let b = bits_split(scale);
  let divisor = b.significand;
  var quotient = a.significand / divisor;
  var rest = a.significand - quotient * divisor;
  for (var step = 0; step < 3; step++) {
    rest <<= 8u;
    let digit = rest / divisor;
    rest -= digit * divisor;
    quotient = (quotient << 8u) | digit;
  }
  rest <<= 3u;
  let digit = rest / divisor;
  quotient = (quotient << 3u) | digit;
  var exponent = a.exponent - b.exponent - 27;
  var inexact = rest != digit * divisor;
  // 2^26 < quotient < 2^28
  if (quotient >= 0x8000000u) {
    inexact = inexact || (quotient & 1u) != 0u;
    quotient >>= 1u;
    exponent++;
  }
  return (x & 0x80000000u) | bits_join(quotient | select(0u, 1u, inexact), exponent);
}

// x * scale, scale positive: 24 by 24 bits in halves of 12.
fn bits_product(x: u32, scale: u32) -> u32 {
  let magnitude = x & 0x7fffffffu;
  if (scale >= BITS_INFINITE) {
    let isNumber = magnitude != 0u && magnitude <= BITS_INFINITE;
    return select(0x7fc00000u, (x & 0x80000000u) | BITS_INFINITE, isNumber);
  }
  if (scale == BITS_ONE || bits_stay(magnitude)) { return x; }
  let a = bits_split(magnitude);
  let b = bits_split(scale);
  let a0 = a.significand & 0xfffu;
  let a1 = a.significand >> 12u;
  let b0 = b.significand & 0xfffu;
  let b1 = b.significand >> 12u;
  let middle = a1 * b0 + a0 * b1;
  var low = ((middle & 0xfffu) << 12u) + a0 * b0;
  let high = a1 * b1 + (middle >> 12u) + (low >> 24u);
  low &= 0xffffffu;
  let cut = select(21u, 20u, high < 0x800000u);
  let significand = (high << (24u - cut)) | (low >> cut);
  let inexact = (low & ((1u << cut) - 1u)) != 0u;
  return (x & 0x80000000u) | bits_join(significand | select(0u, 1u, inexact), a.exponent + b.exponent + i32(cut));
}

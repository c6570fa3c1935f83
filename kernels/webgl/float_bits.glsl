// float32 by its bits: quotients and products rounded as IEEE asks, which GPU arithmetic does not promise.
#define BITS_ONE 0x3f800000u
#define BITS_INFINITE 0x7f800000u

uint round_shift(uint bits, int count) {
  return (bits + ((1u << (count - 1)) - 1u) + ((bits >> count) & 1u)) >> count;
}

// magnitude = significand * 2^exponent with significand in [2^23, 2^24).
void bits_split(uint magnitude, out uint significand, out int exponent) {
  exponent = int(magnitude >> 23) - 150;
  significand = (magnitude & 0x7fffffu) | 0x800000u;
  if (magnitude >= 0x800000u) return;
  exponent = -149;
  significand = magnitude;
  for (int i = 0; i < 23 && significand < 0x800000u; i++) {
    significand <<= 1;
    exponent--;
  }
}

// Nearest float32 to significand * 2^exponent, significand in [2^26, 2^27) with what was cut off as its last bit.
uint bits_join(uint significand, int exponent) {
  int field = exponent + 153;
  if (field > 254) return BITS_INFINITE;
  if (field >= 1) return (uint(field - 1) << 23) + round_shift(significand, 3);
  int drop = 4 - field;
  return drop > 28 ? 0u : round_shift(significand, drop);
}

// Zero, infinity and NaN stay what they are under a positive finite factor.
bool bits_stay(uint magnitude) { return magnitude == 0u || magnitude >= BITS_INFINITE; }

// x / scale, scale positive and finite. Eight bits a step; 0xff << 24 and the remainder fit 32 bits.
uint bits_quotient(uint x, uint scale) {
  uint magnitude = x & 0x7fffffffu;
  if (scale == BITS_ONE || bits_stay(magnitude)) return x;
  uint a, b;
  int ea, eb;
  bits_split(magnitude, a, ea);
  bits_split(scale, b, eb);
  uint quotient = a / b, rest = a - quotient * b;
  for (int step = 0; step < 3; step++) {
    rest <<= 8;
    uint digit = rest / b;
    rest -= digit * b;
    quotient = (quotient << 8) | digit;
  }
  rest <<= 3;
  uint digit = rest / b;
  quotient = (quotient << 3) | digit;
  int exponent = ea - eb - 27;
  bool inexact = rest != digit * b;
  // 2^26 < quotient < 2^28
  if (quotient >= 0x8000000u) {
    inexact = inexact || (quotient & 1u) != 0u;
    quotient >>= 1;
    exponent++;
  }
  return (x & 0x80000000u) | bits_join(quotient | (inexact ? 1u : 0u), exponent);
}

// x * scale, scale positive and finite: 24 by 24 bits in halves of 12.
uint bits_product(uint x, uint scale) {
  uint magnitude = x & 0x7fffffffu;
  if (scale == BITS_ONE || bits_stay(magnitude)) return x;
  uint a, b;
  int ea, eb;
  bits_split(magnitude, a, ea);
  bits_split(scale, b, eb);
  uint a0 = a & 0xfffu, a1 = a >> 12, b0 = b & 0xfffu, b1 = b >> 12;
  uint middle = a1 * b0 + a0 * b1;
  uint low = ((middle & 0xfffu) << 12) + a0 * b0;
  uint high = a1 * b1 + (middle >> 12) + (low >> 24);
  low &= 0xffffffu;
  bool narrow = high < 0x800000u;
  int cut = narrow ? 20 : 21;
  uint significand = (high << (24 - cut)) | (low >> cut);
  bool inexact = (low & ((1u << cut) - 1u)) != 0u;
  return (x & 0x80000000u) | bits_join(significand | (inexact ? 1u : 0u), ea + eb + cut);
}

// Stored rows to float32, one loop per type. parts/kv.h defines what the bytes mean; here are faster ways to the same.
#include "kv_rows.h"
#include "widen.h"

HOOK void decode_row(int dtype, const unsigned char *row, float *to, u32 size) {
  u32 d = 0;
  for (; d + WIDEN_STEP <= size; d += WIDEN_STEP) widen(dtype, row, d, to + d);
  for (; d + LANES <= size; d += LANES) vf_store(to + d, kv_load(dtype, row, d));
  for (; d < size; d++) to[d] = kv_load_one(dtype, row, d);
}

HOOK void decode_rows_of(int dtype, const unsigned char *const *stored, u32 count, float *to, u32 stride, u32 size) {
  for (u32 i = 0; i < count; i++) decode_row(dtype, stored[i], to + i * stride, size);
}

/** Adding 1 to an exponent of all ones sets the sign bit's place: two halves to a lane. */
HOOK vi special_halves(vi pairs) {
  vi exponents = pairs & vi_splat(0x7c007c00);
  return (exponents + vi_splat(0x04000400)) & vi_splat((int)0x80008000u);
}

SHARED int finite_float16(const unsigned char *const *stored, u32 count, u32 size) {
  vi special = vi_splat(0);
  u32 rest = 0;
  for (u32 i = 0; i < count; i++) {
    const unsigned short *row = (const unsigned short *)stored[i];
    u32 d = 0;
    for (; d + 2 * LANES <= size; d += 2 * LANES) special |= special_halves(vi_load_bytes(row + d));
    for (; d < size; d++) rest |= (row[d] & 0x7c00) == 0x7c00;
  }
  return !rest && !vi_any(special);
}

static void take_zeros(float *row, float zero, u32 size) {
  u32 d = 0;
  for (; d + LANES <= size; d += LANES) vf_store(row + d, vf_load(row + d) - vf_splat(zero));
  for (; d < size; d++) row[d] -= zero;
}

SHARED void decode_rows(int dtype, const unsigned char *const *stored, const float *const *tokenScales, u32 count,
                        float *to, u32 stride, u32 size) {
  switch (dtype) {
    case KV_FLOAT32:
      return decode_rows_of(KV_FLOAT32, stored, count, to, stride, size);
    case KV_FLOAT16:
      return decode_rows_of(KV_FLOAT16, stored, count, to, stride, size);
    case KV_FINITE_FLOAT16:
      return decode_rows_of(KV_FINITE_FLOAT16, stored, count, to, stride, size);
    case KV_BFLOAT16:
      return decode_rows_of(KV_BFLOAT16, stored, count, to, stride, size);
    case KV_FP8_E4M3:
    case KV_FP8_PER_TOKEN_HEAD:
      return decode_rows_of(KV_FP8_E4M3, stored, count, to, stride, size);
    case KV_FP8_E5M2:
      return decode_rows_of(KV_FP8_E5M2, stored, count, to, stride, size);
    case KV_INT8:
    case KV_INT8_PER_TOKEN_HEAD:
    case KV_TOP_INT8:
      return decode_rows_of(KV_INT8, stored, count, to, stride, size);
    case KV_INT4_PER_TOKEN_HEAD:
      decode_rows_of(KV_INT4_PER_TOKEN_HEAD, stored, count, to, stride, size);
      for (u32 i = 0; i < count; i++) take_zeros(to + i * stride, kv_token_zero(dtype, *tokenScales[i]), size);
      return;
  }
}

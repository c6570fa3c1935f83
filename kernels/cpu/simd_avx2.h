// AVX2 with FMA and F16C.
#include <immintrin.h>

/** 12 accumulators, 3 vectors and a broadcast are the 16 registers. */
#define TILE_SPLATS 4
#define TILE_VECTORS 3
#define TILE_UNROLL 4
#define TILE_BLOCKS 32
#define HARDWARE_FLOAT16 1

HOOK vf vf_splat(float x) { return _mm256_set1_ps(x); }
HOOK vi vi_splat(int x) { return (vi)_mm256_set1_epi32(x); }
HOOK vf vf_select(vi mask, vf yes, vf no) { return _mm256_blendv_ps(no, yes, (__m256)mask); }

HOOK vi vi_select(vi mask, vi yes, vi no) {
  return vf_bits(vf_select(mask, vf_from_bits(yes), vf_from_bits(no)));
}

HOOK int vi_any(vi mask) { return !_mm256_testz_si256((__m256i)mask, (__m256i)mask); }
HOOK vf vf_madd(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }

/** The instruction gives its second operand where either is NaN. */
HOOK vf vf_max(vf a, vf b) { return _mm256_max_ps(b, a); }

HOOK vf vf_load_part(const float *from, u32 count) {
  __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(from, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane));
}

HOOK vi vi_load_u8(const unsigned char *from) {
  return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)from));
}

HOOK vi vi_load_s8(const unsigned char *from) {
  return (vi)_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)from));
}

HOOK vi vi_load_top8(const unsigned char *from) { return vi_load_u8(from) << 24; }

HOOK vi vi_load_u16(const unsigned short *from) {
  return (vi)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)from));
}

HOOK vi vi_load_s16(const unsigned short *from) {
  return (vi)_mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)from));
}

HOOK vf vf_load_float16(const unsigned short *from) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)from));
}

HOOK void vf_transpose(vf rows[LANES]) {
  vf two[8], four[8];
  UNROLL for (int i = 0; i < 4; i++) {
    two[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
    two[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
  }
  UNROLL for (int i = 0; i < 4; i++) {
    __m256d a = (__m256d)two[i / 2 * 4 + i % 2], b = (__m256d)two[i / 2 * 4 + i % 2 + 2];
    four[i / 2 * 4 + i % 2 * 2] = (vf)_mm256_unpacklo_pd(a, b);
    four[i / 2 * 4 + i % 2 * 2 + 1] = (vf)_mm256_unpackhi_pd(a, b);
  }
  UNROLL for (int i = 0; i < 4; i++) {
    rows[i] = _mm256_permute2f128_ps(four[i], four[i + 4], 0x20);
    rows[i + 4] = _mm256_permute2f128_ps(four[i], four[i + 4], 0x31);
  }
}

/** A tree of additions that halves the vectors and joins their lanes. */
HOOK vf vf_sums(vf rows[LANES]) {
  vf pair[4], four[2];
  UNROLL for (int i = 0; i < 4; i++) {
    pair[i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]) + _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
  }
  UNROLL for (int i = 0; i < 2; i++) {
    __m256d a = (__m256d)pair[2 * i], b = (__m256d)pair[2 * i + 1];
    four[i] = (vf)_mm256_unpacklo_pd(a, b) + (vf)_mm256_unpackhi_pd(a, b);
  }
  return _mm256_permute2f128_ps(four[0], four[1], 0x20) + _mm256_permute2f128_ps(four[0], four[1], 0x31);
}

HOOK void prefetch(const void *at) { _mm_prefetch((const char *)at, _MM_HINT_T0); }

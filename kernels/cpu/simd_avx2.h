// AVX2 with FMA and F16C.
#include <immintrin.h>

/** 12 accumulators, 3 vectors and a broadcast are the 16 registers. */
#define TILE_SPLATS 4
#define TILE_VECTORS 3
#define TILE_UNROLL 4
/** Lanes of a key row that lie together: whole vectors, which are copied and not transposed. */
#define TILE_CHUNK LANES
#define FETCH_AHEAD 1
#define TILE_BLOCKS 32
#define HARDWARE_FLOAT16 1
#define HARDWARE_INT8 1
/** Decoding: rows by keys that share a turn, of float32 and of narrower types. */
#define WIDE_ROWS 2
#define WIDE_KEYS LANES
#define NARROW_ROWS 4
#define NARROW_KEYS (LANES / 2)

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

/** fp8 is the upper part of a float16; e4m3 of one with another bias, 2^8 smaller. */
HOOK vf vf_load_e5m2(const unsigned char *from) {
  return _mm256_cvtph_ps(_mm_slli_epi16(_mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)from)), 8));
}

HOOK vf vf_load_e4m3(const unsigned char *from) {
  __m128i code = _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)from));
  __m128i size = _mm_and_si128(code, _mm_set1_epi16(0x7f));
  __m128i half = _mm_and_si128(_mm_slli_epi16(code, 7), _mm_set1_epi16((short)0xbf80));
  __m128i nan = _mm_slli_epi16(_mm_cmpeq_epi16(size, _mm_set1_epi16(0x7f)), 10);
  return _mm256_cvtph_ps(_mm_or_si128(half, nan)) * vf_splat(256.0f);
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

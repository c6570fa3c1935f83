// AVX-512 (F, BW, VL, DQ).
#include <immintrin.h>

/** 16 accumulators hide the latency of two ports; a panel of 32 rows leaves no remainder in most shapes. */
#define TILE_SPLATS 8
#define TILE_VECTORS 2
#define TILE_UNROLL 4
/** Lanes of a key row that lie together: whole vectors, which are copied and not transposed. */
#define TILE_CHUNK LANES
#define FETCH_AHEAD 1
/** A panel's scores of 192 keys take half of the first-level cache. */
#define TILE_BLOCKS 24
#define HARDWARE_FLOAT16 1
#define HARDWARE_INT8 1
/** Decoding: rows by keys that share a turn, of float32 and of narrower types. */
#define WIDE_ROWS 2
#define WIDE_KEYS LANES
#define NARROW_ROWS 4
#define NARROW_KEYS (LANES / 2)

HOOK vf vf_splat(float x) { return _mm512_set1_ps(x); }
HOOK vi vi_splat(int x) { return (vi)_mm512_set1_epi32(x); }

HOOK vi vi_select(vi mask, vi yes, vi no) {
  return (vi)_mm512_ternarylogic_epi32((__m512i)mask, (__m512i)yes, (__m512i)no, 0xca);
}

HOOK vf vf_select(vi mask, vf yes, vf no) { return vf_from_bits(vi_select(mask, vf_bits(yes), vf_bits(no))); }
HOOK int vi_any(vi mask) { return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0; }
HOOK vf vf_madd(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }

/** The instruction gives its second operand where either is NaN. */
HOOK vf vf_max(vf a, vf b) { return _mm512_max_ps(b, a); }

HOOK vf vf_load_part(const float *from, u32 count) {
  return _mm512_maskz_loadu_ps((__mmask16)(count >= LANES ? 0xffff : (1u << count) - 1), from);
}

HOOK vi vi_load_u8(const unsigned char *from) {
  return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)from));
}

HOOK vi vi_load_s8(const unsigned char *from) {
  return (vi)_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)from));
}

HOOK vi vi_load_top8(const unsigned char *from) { return vi_load_u8(from) << 24; }

HOOK vi vi_load_u16(const unsigned short *from) {
  return (vi)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)from));
}

HOOK vi vi_load_s16(const unsigned short *from) {
  return (vi)_mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)from));
}

HOOK vf vf_load_float16(const unsigned short *from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)from));
}

/** fp8 is the upper part of a float16; e4m3 of one with another bias, 2^8 smaller. */
HOOK vf vf_load_e5m2(const unsigned char *from) {
  return _mm512_cvtph_ps(_mm256_slli_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)from)), 8));
}

HOOK vf vf_load_e4m3(const unsigned char *from) {
  __m256i code = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)from));
  __m256i size = _mm256_and_si256(code, _mm256_set1_epi16(0x7f));
  __m256i half = _mm256_and_si256(_mm256_slli_epi16(code, 7), _mm256_set1_epi16((short)0xbf80));
  __m256i nan = _mm256_slli_epi16(_mm256_cmpeq_epi16(size, _mm256_set1_epi16(0x7f)), 10);
  return _mm512_cvtph_ps(_mm256_or_si256(half, nan)) * vf_splat(256.0f);
}

/** Each stage interleaves row i with row i + 8. */
HOOK void vf_transpose(vf rows[LANES]) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  UNROLL for (int stage = 0; stage < 4; stage++) {
    vf from[LANES];
    UNROLL for (int i = 0; i < LANES; i++) from[i] = rows[i];
    UNROLL for (int i = 0; i < LANES / 2; i++) {
      rows[2 * i] = _mm512_permutex2var_ps(from[i], low, from[i + LANES / 2]);
      rows[2 * i + 1] = _mm512_permutex2var_ps(from[i], high, from[i + LANES / 2]);
    }
  }
}

/** A tree of additions that halves the vectors and joins their lanes. */
HOOK vf vf_sums(vf rows[LANES]) {
  vf pair[8], four[4], eight[2];
  UNROLL for (int i = 0; i < 8; i++) {
    pair[i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]) + _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
  }
  UNROLL for (int i = 0; i < 4; i++) {
    __m512d a = (__m512d)pair[2 * i], b = (__m512d)pair[2 * i + 1];
    four[i] = (vf)_mm512_unpacklo_pd(a, b) + (vf)_mm512_unpackhi_pd(a, b);
  }
  UNROLL for (int i = 0; i < 2; i++) {
    vf a = four[2 * i], b = four[2 * i + 1];
    eight[i] = _mm512_shuffle_f32x4(a, b, 0x88) + _mm512_shuffle_f32x4(a, b, 0xdd);
  }
  return _mm512_shuffle_f32x4(eight[0], eight[1], 0x88) + _mm512_shuffle_f32x4(eight[0], eight[1], 0xdd);
}

// NEON of 64-bit ARM.
#include <arm_neon.h>

/** 24 accumulators, 3 vectors and 2 of broadcasts, of 32 registers. */
#define TILE_SPLATS 8
#define TILE_VECTORS 3
#define TILE_UNROLL 2
/** Lanes of a key row that lie together: whole vectors, which are copied and not transposed. */
#define TILE_CHUNK LANES
#define FETCH_AHEAD 1
#define TILE_BLOCKS 32
#define HARDWARE_FLOAT16 1
#define HARDWARE_INT8 1
/** Decoding: rows by keys that share a turn, of float32 and of narrower types. */
#define WIDE_ROWS 4
#define WIDE_KEYS LANES
#define NARROW_ROWS 4
#define NARROW_KEYS LANES

HOOK vf vf_splat(float x) { return vdupq_n_f32(x); }
HOOK vi vi_splat(int x) { return vdupq_n_s32(x); }
HOOK vi vi_select(vi mask, vi yes, vi no) { return vbslq_s32((uint32x4_t)mask, yes, no); }
HOOK vf vf_select(vi mask, vf yes, vf no) { return vbslq_f32((uint32x4_t)mask, yes, no); }
HOOK int vi_any(vi mask) { return vmaxvq_u32((uint32x4_t)mask) != 0; }
HOOK vf vf_madd(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
HOOK vf vf_max(vf a, vf b) { return vbslq_f32(vcgtq_f32(b, a), b, a); }

HOOK vf vf_load_part(const float *from, u32 count) {
  vf v = vdupq_n_f32(0.0f);
  UNROLL for (u32 i = 0; i < LANES; i++) v[i] = i < count ? from[i] : 0.0f;
  return v;
}

/** Four bytes, from any address, in the low half of a vector. */
HOOK uint8x8_t load_4_bytes(const unsigned char *from) {
  u32 bytes;
  __builtin_memcpy(&bytes, from, sizeof bytes);
  return vreinterpret_u8_u32(vdup_n_u32(bytes));
}

HOOK vi vi_load_u8(const unsigned char *from) {
  return (vi)vmovl_u16(vget_low_u16(vmovl_u8(load_4_bytes(from))));
}

HOOK vi vi_load_s8(const unsigned char *from) {
  return vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u8(load_4_bytes(from)))));
}

HOOK vi vi_load_top8(const unsigned char *from) { return vi_load_u8(from) << 24; }
HOOK vi vi_load_u16(const unsigned short *from) { return (vi)vmovl_u16(vld1_u16(from)); }
HOOK vi vi_load_s16(const unsigned short *from) { return vmovl_s16(vld1_s16((const short *)from)); }

HOOK vf vf_load_float16(const unsigned short *from) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from)));
}

/** fp8 is the upper part of a float16; e4m3 of one with another bias, 2^8 smaller. */
HOOK vf vf_load_e5m2(const unsigned char *from) {
  uint16x4_t half = vshl_n_u16(vget_low_u16(vmovl_u8(load_4_bytes(from))), 8);
  return vcvt_f32_f16(vreinterpret_f16_u16(half));
}

HOOK vf vf_load_e4m3(const unsigned char *from) {
  uint16x4_t code = vreinterpret_u16_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u8(load_4_bytes(from)))));
  uint16x4_t size = vand_u16(code, vdup_n_u16(0x7f)), half = vand_u16(vshl_n_u16(code, 7), vdup_n_u16(0xbf80));
  uint16x4_t nan = vshl_n_u16(vceq_u16(size, vdup_n_u16(0x7f)), 10);
  return vcvt_f32_f16(vreinterpret_f16_u16(vorr_u16(half, nan))) * vf_splat(256.0f);
}

HOOK void vf_transpose(vf rows[LANES]) {
  vf a = vzip1q_f32(rows[0], rows[2]), b = vzip2q_f32(rows[0], rows[2]);
  vf c = vzip1q_f32(rows[1], rows[3]), d = vzip2q_f32(rows[1], rows[3]);
  rows[0] = vzip1q_f32(a, c);
  rows[1] = vzip2q_f32(a, c);
  rows[2] = vzip1q_f32(b, d);
  rows[3] = vzip2q_f32(b, d);
}

HOOK vf vf_sums(vf rows[LANES]) {
  return vpaddq_f32(vpaddq_f32(rows[0], rows[1]), vpaddq_f32(rows[2], rows[3]));
}

// Where key or value j of a sequence lies, dense or paged, and what its stored bytes mean.
#ifndef TFJS_ATTENTION_KV_H
#define TFJS_ATTENTION_KV_H

/** One side (K or V) of one KV head of one sequence. Strides count elements of `width` bytes; of int4, bytes of two. */
typedef struct {
  const unsigned char *data;
  /** The sequence's row of the block table; null = dense. */
  const int *blocks;
  /** [P, C, K] from this head on, or null. */
  const float *tokenScales;
  address strideBlock, strideToken, strideHead;
  int blockSize, numKvHeads;
  u32 width, size;
} KvSide;

/** float16 that is known to hold neither NaN nor infinity: then 2^112 moves every exponent to float32's place. */
#define KV_FINITE_FLOAT16 (-KV_FLOAT16)
/** int8 as multiples of 2^24, which is cheaper to widen. */
#define KV_TOP_INT8 (-KV_INT8)
#define KV_TOP_UNIT 0x1p-24f

HOOK u32 kv_width(int dtype) {
  switch (dtype) {
    case KV_FLOAT32:
      return 4;
    case KV_FLOAT16:
    case KV_FINITE_FLOAT16:
    case KV_BFLOAT16:
      return 2;
    default:
      return 1;
  }
}

HOOK int kv_has_token_scales(int dtype) {
  return dtype == KV_INT8_PER_TOKEN_HEAD || dtype == KV_FP8_PER_TOKEN_HEAD || dtype == KV_INT4_PER_TOKEN_HEAD;
}

/** What a stored token scale multiplies with; int4 hides its zero point in the four lowest bits. */
HOOK float kv_token_scale(int dtype, float stored) {
  if (dtype != KV_INT4_PER_TOKEN_HEAD) return stored;
  u32 bits;
  __builtin_memcpy(&bits, &stored, sizeof bits);
  bits &= ~15u;
  __builtin_memcpy(&stored, &bits, sizeof bits);
  return stored;
}

/** What is taken off the codes of such a row before they are scaled. */
HOOK float kv_token_zero(int dtype, float stored) {
  u32 bits;
  if (dtype != KV_INT4_PER_TOKEN_HEAD) return 0.0f;
  __builtin_memcpy(&bits, &stored, sizeof bits);
  return (float)(bits & 15);
}

HOOK KvSide kv_side(const AttnParams *p, const int *blockTables, const void *data, const float *tokenScales,
                    int strideBlock, int strideToken, int strideHead, int size, int sequence, int head) {
  KvSide side;
  side.width = kv_width(p->kvDtype);
  side.data = (const unsigned char *)data + (address)(u32)head * (u32)strideHead * side.width;
  side.blocks = 0;
  if (p->blockSize > 0) {
    side.blocks = blockTables + (address)(u32)sequence * (u32)p->maxBlocksPerSeq;
  } else {
    side.data += (address)(u32)sequence * (u32)strideBlock * side.width;
  }
  side.tokenScales = kv_has_token_scales(p->kvDtype) ? tokenScales + head : 0;
  side.strideBlock = (u32)strideBlock;
  side.strideToken = (u32)strideToken;
  side.strideHead = (u32)strideHead;
  side.blockSize = p->blockSize;
  side.numKvHeads = p->numKvHeads;
  side.size = (u32)size;
  return side;
}

HOOK KvSide kv_keys(const AttnParams *p, const AttnOperands *o, int sequence, int head) {
  return kv_side(p, o->blockTables, o->k, o->kTokenScales, p->kStrideBatch, p->kStrideToken, p->kStrideHead,
                 p->headSize, sequence, head);
}

HOOK KvSide kv_values(const AttnParams *p, const AttnOperands *o, int sequence, int head) {
  return kv_side(p, o->blockTables, o->v, o->vTokenScales, p->vStrideBatch, p->vStrideToken, p->vStrideHead,
                 p->valueHeadSize, sequence, head);
}

/** Real = stored * scale for a whole KV head; it joins softmaxScale (K) or the final factor (V). */
HOOK float kv_head_scale(const float *headScales, float scale, int head) {
  return headScales ? headScales[head] : scale;
}

/** A small float with its sign at bit `signBit`: exponents below 1 are multiples of the smallest normal's spacing. */
HOOK vf kv_small_float(vi code, int signBit, int mantissaBits, int bias, vi special) {
  int shift = 23 - mantissaBits;
  vi magnitude = (code & vi_splat((1 << signBit) - 1)) << shift;
  vi sign = (code >> signBit) << 31;
  vi one = vi_splat(1 << 23);
  vi subnormal = magnitude < one;
  vi bits = magnitude + vi_splat((127 - bias) << 23);
  vf least = vf_from_bits(vi_splat((128 - bias) << 23));
  vf value = vf_select(subnormal, vf_from_bits(bits + one) - least, vf_from_bits(bits));
  vi infinite = magnitude | vi_splat(0x7f800000);
  return vf_from_bits(vi_select(special, infinite, vf_bits(value)) | sign);
}

HOOK vf kv_float16(vi code) {
  vi special = (code & vi_splat(0x7c00)) == vi_splat(0x7c00);
  return kv_small_float(code, 15, 10, 15, special);
}

/** e4m3fn has no infinity: only 0x7f and 0xff are special, NaN. */
HOOK vf kv_e4m3(vi code) {
  vi special = (code & vi_splat(0x7f)) == vi_splat(0x7f);
  return kv_small_float(code, 7, 3, 7, special);
}

HOOK vf kv_e5m2(vi code) {
  vi special = (code & vi_splat(0x7c)) == vi_splat(0x7c);
  return kv_small_float(code, 7, 2, 15, special);
}

/** From a sign-extended code. */
HOOK vf kv_finite_float16(vi code) {
  vi placed = (code << 13) & vi_splat((int)0x8fffe000u);
  return vf_from_bits(placed) * vf_splat(0x1p112f);
}

/** Nibbles from element `at` on, which is even unless a vector has one lane. */
HOOK vi kv_int4(const unsigned char *row, u32 at) {
#if LANES == 1
  return row[at / 2] >> 4 * (at & 1) & 15;
#else
  vi code;
  UNROLL for (u32 i = 0; i < LANES; i++) LANE(code, i) = row[(at + i) / 2] >> 4 * (i & 1) & 15;
  return code;
#endif
}

/** LANES stored elements from element `at` of a row, before their scale (int4: before their zero point too). */
HOOK vf kv_load(int dtype, const unsigned char *row, u32 at) {
  switch (dtype) {
    case KV_FLOAT16:
#if HARDWARE_FLOAT16
      return vf_load_float16((const unsigned short *)row + at);
#else
      return kv_float16(vi_load_u16((const unsigned short *)row + at));
#endif
    case KV_FINITE_FLOAT16:
      return kv_finite_float16(vi_load_s16((const unsigned short *)row + at));
    case KV_BFLOAT16:
      return vf_from_bits(vi_load_u16((const unsigned short *)row + at) << 16);
    case KV_FP8_E4M3:
    case KV_FP8_PER_TOKEN_HEAD:
#if HARDWARE_FLOAT16
      return vf_load_e4m3(row + at);
#else
      return kv_e4m3(vi_load_u8(row + at));
#endif
    case KV_FP8_E5M2:
#if HARDWARE_FLOAT16
      return vf_load_e5m2(row + at);
#else
      return kv_e5m2(vi_load_u8(row + at));
#endif
    case KV_INT8:
    case KV_INT8_PER_TOKEN_HEAD:
      return vf_convert(vi_load_s8(row + at));
    case KV_TOP_INT8:
      return vf_convert(vi_load_top8(row + at));
    case KV_INT4_PER_TOKEN_HEAD:
      return vf_convert(kv_int4(row, at));
    default:
      return vf_load((const float *)row + at);
  }
}

/** One stored element. */
HOOK float kv_load_one(int dtype, const unsigned char *row, u32 at) {
  if (dtype == KV_INT4_PER_TOKEN_HEAD) return (float)(row[at / 2] >> 4 * (at & 1) & 15);
  unsigned char lanes[4 * LANES] = {0};
  u32 width = kv_width(dtype);
  for (u32 i = 0; i < width; i++) lanes[i] = row[at * width + i];
  return LANE(kv_load(dtype, lanes, 0), 0);
}

/** The first `count` (less than LANES) elements from element `at`, then zeros. */
HOOK vf kv_load_part(int dtype, const unsigned char *row, u32 at, u32 count) {
  vf v = vf_splat(0.0f);
  for (u32 i = 0; i < count && i < LANES; i++) LANE(v, i) = kv_load_one(dtype, row, at + i);
  return v;
}

/** Stored rows [first, first + count) and, of types that have them, where each row's token scale lies. */
HOOK void kv_locate(const KvSide *side, u32 first, u32 count, const unsigned char **rows, const float **scales) {
  u32 run = count, offset = first;
  address step = side->strideToken * side->width;
  for (u32 done = 0; done < count; done += run) {
    const unsigned char *row = side->data;
    const float *scale = side->tokenScales;
    run = count - done;
    if (side->blocks) {
      u32 key = first + done, index = key / (u32)side->blockSize;
      u32 physical = (u32)side->blocks[index];
      offset = key - index * (u32)side->blockSize;
      if (run > (u32)side->blockSize - offset) run = (u32)side->blockSize - offset;
      row += (address)physical * side->strideBlock * side->width;
      if (scale) scale += ((address)physical * (u32)side->blockSize + offset) * (u32)side->numKvHeads;
    }
    row += offset * step;
    for (u32 i = 0; i < run; i++, row += step) {
      rows[done + i] = row;
      if (scale) scales[done + i] = scale + i * (u32)side->numKvHeads;
    }
  }
}

#endif

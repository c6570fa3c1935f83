// Writes new keys and values into cache slots, and reads slots back.
#include "kv_rows.h"
#include "encode.h"

typedef struct {
  float *values;
  unsigned char *data;
  const float *headScales;
  float *tokenScales;
  float scale;
  int strideBlock, strideToken, strideHead, size;
} CacheSide;

static CacheSide cache_keys(const CacheParams *p, const CacheOperands *o) {
  CacheSide side = {o->newK, o->k, o->kHeadScales, o->kTokenScales, p->kScale,
                    p->kStrideBlock, p->kStrideToken, p->kStrideHead, p->headSize};
  return side;
}

static CacheSide cache_values(const CacheParams *p, const CacheOperands *o) {
  CacheSide side = {o->newV, o->v, o->vHeadScales, o->vTokenScales, p->vScale,
                    p->vStrideBlock, p->vStrideToken, p->vStrideHead, p->valueHeadSize};
  return side;
}

static unsigned char *slot_row(const CacheParams *p, const CacheSide *side, u32 slot, u32 head) {
  address block = slot / (u32)p->blockSize, offset = slot % (u32)p->blockSize;
  address element = block * (u32)side->strideBlock + offset * (u32)side->strideToken;
  element += (address)head * (u32)side->strideHead;
  return side->data + element * kv_width(p->kvDtype);
}

static float *new_row(const CacheParams *p, const CacheSide *side, u32 token, u32 head) {
  return side->values + ((address)token * (u32)p->numKvHeads + head) * (u32)side->size;
}

/** The stored scale of a row of int4: its zero point in the lowest bits, chosen for [low, high] with 0 inside. */
static float measure_int4(const float *x, u32 count) {
  float low = 0.0f, high = 0.0f;
  for (u32 i = 0; i < count; i++) {
    if (x[i] < low) low = x[i];
    if (high < x[i]) high = x[i];
  }
  return encode_int4_scale(low, high);
}

static float largest(const float *x, u32 count) {
  float most = 0.0f;
  for (u32 i = 0; i < count; i++) {
    float size = __builtin_fabsf(x[i]);
    if (most < size) most = size;
  }
  return most;
}

/** The scale that encodes a row; a per-token-head scale is computed and kept. */
static float write_scale(const CacheParams *p, const CacheSide *side, u32 slot, u32 head, const float *x) {
  if (!kv_has_token_scales(p->kvDtype)) return kv_head_scale(side->headScales, side->scale, (int)head);
  float *stored = side->tokenScales + (address)slot * (u32)p->numKvHeads + head;
  if (p->kvDtype == KV_INT4_PER_TOKEN_HEAD) return *stored = measure_int4(x, (u32)side->size);
  float scale = largest(x, (u32)side->size) / (p->kvDtype == KV_INT8_PER_TOKEN_HEAD ? 127.0f : 448.0f);
  return *stored = scale < 1e-6f ? 1e-6f : scale;
}

static void write_side(const CacheParams *p, const CacheSide *side, u32 token, u32 slot) {
  for (u32 head = 0; head < (u32)p->numKvHeads; head++) {
    const float *x = new_row(p, side, token, head);
    float scale = write_scale(p, side, slot, head, x);
    encode_row(p->kvDtype, x, scale, slot_row(p, side, slot, head), (u32)side->size);
  }
}

static void decode_scaled(int dtype, const unsigned char *row, float stored, float *to, u32 size) {
  const float *storedAt = &stored;
  float scale = kv_token_scale(dtype, stored);
  decode_rows(dtype, &row, &storedAt, 1, to, 0, size);
  for (u32 d = 0; d < size; d++) to[d] *= scale;
}

static void gather_side(const CacheParams *p, const CacheSide *side, u32 token, int slot) {
  for (u32 head = 0; head < (u32)p->numKvHeads; head++) {
    float *to = new_row(p, side, token, head);
    if (slot < 0) {
      for (u32 d = 0; d < (u32)side->size; d++) to[d] = 0.0f;
      continue;
    }
    float scale = kv_has_token_scales(p->kvDtype)
                      ? side->tokenScales[(address)(u32)slot * (u32)p->numKvHeads + head]
                      : kv_head_scale(side->headScales, side->scale, (int)head);
    decode_scaled(p->kvDtype, slot_row(p, side, (u32)slot, head), scale, to, (u32)side->size);
  }
}

EXPORT void cache_write(const CacheParams *p, const CacheOperands *o, u32 begin, u32 end) {
  CacheSide keys = cache_keys(p, o), values = cache_values(p, o);
  for (u32 t = begin; t < end; t++) {
    int slot = o->slotMapping[t];
    if (slot < 0) continue;
    write_side(p, &keys, t, (u32)slot);
    if (p->valueHeadSize > 0) write_side(p, &values, t, (u32)slot);
  }
}

EXPORT void cache_gather(const CacheParams *p, const CacheOperands *o, u32 begin, u32 end) {
  CacheSide keys = cache_keys(p, o), values = cache_values(p, o);
  for (u32 t = begin; t < end; t++) {
    gather_side(p, &keys, t, o->slotMapping[t]);
    if (p->valueHeadSize > 0) gather_side(p, &values, t, o->slotMapping[t]);
  }
}

EXPORT void fp8_encode(const float *x, unsigned char *out, u32 count, float scale, u32 dtype) {
  encode_row((int)dtype, x, scale, out, count);
}

EXPORT void fp8_decode(const unsigned char *x, float *out, u32 count, float scale, u32 dtype) {
  decode_scaled((int)dtype, x, scale, out, count);
}

// Writes new keys and values into cache slots, reads slots back, copies blocks, converts fp8. One warp a row.
#include "attention.h"
#include "lanes.cuh"
#include "../cpu/encode.h"

#define CACHE_WARPS 4

struct CacheSide {
  float *values;
  unsigned char *data;
  const float *headScales;
  float *tokenScales;
  float scale;
  int strideBlock, strideToken, strideHead, size;
};

HOOK CacheSide cache_side(const CacheParams &p, const CacheOperands &o, bool keys) {
  if (keys) {
    return {o.newK, (unsigned char *)o.k, o.kHeadScales, o.kTokenScales, p.kScale,
            p.kStrideBlock, p.kStrideToken, p.kStrideHead, p.headSize};
  }
  return {o.newV, (unsigned char *)o.v, o.vHeadScales, o.vTokenScales, p.vScale,
          p.vStrideBlock, p.vStrideToken, p.vStrideHead, p.valueHeadSize};
}

HOOK unsigned char *slot_row(const CacheParams &p, const CacheSide &side, u32 slot, u32 head) {
  address block = slot / (u32)p.blockSize, offset = slot % (u32)p.blockSize;
  address element = block * (u32)side.strideBlock + offset * (u32)side.strideToken;
  element += (address)head * (u32)side.strideHead;
  return side.data + element * kv_width(p.kvDtype);
}

/** As the reference's measureInt4: the range of a row's numbers and 0. */
HOOK float measure_int4(const CacheSide &side, const float *x) {
  float low = 0.0f, high = 0.0f;
  for (int d = threadIdx.x % 32; d < side.size; d += 32) {
    high = vf_max(high, x[d]);
    low = -vf_max(-low, -x[d]);
  }
  UNROLL for (int step = 16; step > 0; step /= 2) {
    high = vf_max(high, __shfl_xor_sync(~0u, high, step));
    low = -vf_max(-low, -__shfl_xor_sync(~0u, low, step));
  }
  return encode_int4_scale(low, high);
}

/** The scale that divides a row; a per-token-head scale is computed and kept. NaN has no size. */
HOOK float write_scale(const CacheParams &p, const CacheSide &side, u32 slot, u32 head, const float *x) {
  if (!kv_has_token_scales(p.kvDtype)) return kv_head_scale(side.headScales, side.scale, (int)head);
  float *stored = side.tokenScales + (address)slot * (u32)p.numKvHeads + head;
  if (p.kvDtype == KV_INT4_PER_TOKEN_HEAD) {
    float scale = measure_int4(side, x);
    if (threadIdx.x % 32 == 0) *stored = scale;
    return scale;
  }
  float most = 0.0f;
  for (int d = threadIdx.x % 32; d < side.size; d += 32) most = vf_max(most, fabsf(x[d]));
  UNROLL for (int step = 16; step > 0; step /= 2) most = vf_max(most, __shfl_xor_sync(~0u, most, step));
  float scale = most / (p.kvDtype == KV_INT8_PER_TOKEN_HEAD ? 127.0f : 448.0f);
  if (scale < 1e-6f) scale = 1e-6f;
  if (threadIdx.x % 32 == 0) *stored = scale;
  return scale;
}

/** Blocks are (CACHE_WARPS rows of a token and head; keys or values). */
__global__ void __launch_bounds__(32 * CACHE_WARPS) cache_write(const CacheParams p, const CacheOperands o) {
  u32 row = blockIdx.x * CACHE_WARPS + threadIdx.x / 32, token = row / p.numKvHeads, head = row % p.numKvHeads;
  if (token >= (u32)p.numTokens) return;
  int slot = o.slotMapping[token];
  if (slot < 0) return;
  CacheSide side = cache_side(p, o, blockIdx.y == 0);
  if (side.size == 0) return;
  const float *x = side.values + (address)row * (u32)side.size;
  float scale = write_scale(p, side, (u32)slot, head, x);
  unsigned char *to = slot_row(p, side, (u32)slot, head);
  if (p.kvDtype == KV_INT4_PER_TOKEN_HEAD) {
    for (int d = 2 * (threadIdx.x % 32); d < side.size; d += 64) to[d / 2] = encode_int4_pair(x, scale, d, side.size);
    return;
  }
  for (int d = threadIdx.x % 32; d < side.size; d += 32) encode_one(p.kvDtype, x[d] / scale, to, d);
}

__global__ void __launch_bounds__(32 * CACHE_WARPS) cache_gather(const CacheParams p, const CacheOperands o) {
  u32 row = blockIdx.x * CACHE_WARPS + threadIdx.x / 32, token = row / p.numKvHeads, head = row % p.numKvHeads;
  if (token >= (u32)p.numTokens) return;
  int slot = o.slotMapping[token];
  CacheSide side = cache_side(p, o, blockIdx.y == 0);
  float *to = side.values + (address)row * (u32)side.size;
  if (slot < 0) {
    for (int d = threadIdx.x % 32; d < side.size; d += 32) to[d] = 0.0f;
    return;
  }
  float scale = kv_has_token_scales(p.kvDtype) ? side.tokenScales[(address)(u32)slot * (u32)p.numKvHeads + head]
                                               : kv_head_scale(side.headScales, side.scale, (int)head);
  const unsigned char *from = slot_row(p, side, (u32)slot, head);
  float zero = kv_token_zero(p.kvDtype, scale), factor = kv_token_scale(p.kvDtype, scale);
  for (int d = threadIdx.x % 32; d < side.size; d += 32) to[d] = (kv_load(p.kvDtype, from, d) - zero) * factor;
}

static dim3 cache_grid(const CacheParams *p) {
  return dim3((p->numTokens * p->numKvHeads + CACHE_WARPS - 1) / CACHE_WARPS, 2);
}

extern "C" int attn_cuda_cache_write(const CacheParams *p, const CacheOperands *o, void *stream) {
  if (p->numTokens == 0) return cudaSuccess;
  cache_write<<<cache_grid(p), 32 * CACHE_WARPS, 0, (cudaStream_t)stream>>>(*p, *o);
  return cudaGetLastError();
}

extern "C" int attn_cuda_cache_gather(const CacheParams *p, const CacheOperands *o, void *stream) {
  if (p->numTokens == 0) return cudaSuccess;
  cache_gather<<<cache_grid(p), 32 * CACHE_WARPS, 0, (cudaStream_t)stream>>>(*p, *o);
  return cudaGetLastError();
}

/** Moves in units of the widest power of two up to 16 bytes that divides a block. */
template <typename Unit>
__global__ void copy_blocks(Unit *cache, const int *pairs, size_t units) {
  const Unit *from = cache + (size_t)pairs[2 * blockIdx.y] * units;
  Unit *to = cache + (size_t)pairs[2 * blockIdx.y + 1] * units;
  size_t step = (size_t)gridDim.x * blockDim.x;
  for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < units; i += step) to[i] = from[i];
}

template <typename Unit>
static int copy_units(void *cache, const int *pairs, int count, size_t bytes, void *stream) {
  size_t units = bytes / sizeof(Unit), blocks = (units + 255) / 256;
  dim3 grid((unsigned)(blocks < 64 ? blocks : 64), count);
  copy_blocks<<<grid, 256, 0, (cudaStream_t)stream>>>((Unit *)cache, pairs, units);
  return cudaGetLastError();
}

extern "C" int attn_cuda_copy_blocks(void *cache, const int *pairs, int count, size_t blockBytes, void *stream) {
  if (count == 0 || blockBytes == 0) return cudaSuccess;
  if (blockBytes % 16 == 0) return copy_units<uint4>(cache, pairs, count, blockBytes, stream);
  if (blockBytes % 4 == 0) return copy_units<u32>(cache, pairs, count, blockBytes, stream);
  return copy_units<unsigned char>(cache, pairs, count, blockBytes, stream);
}

__global__ void fp8_encode(const float *x, unsigned char *out, size_t count, float scale, int dtype) {
  for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < count; i += (size_t)gridDim.x * blockDim.x) {
    encode_one(dtype, x[i] / scale, out + i, 0);
  }
}

__global__ void fp8_decode(const unsigned char *x, float *out, size_t count, float scale, int dtype) {
  for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < count; i += (size_t)gridDim.x * blockDim.x) {
    out[i] = kv_load(dtype, x + i, 0) * scale;
  }
}

static int spread(size_t count) { return (int)(count / 256 < 4096 ? count / 256 + 1 : 4096); }

extern "C" int attn_cuda_fp8_encode(const float *x, unsigned char *out, size_t count, float scale, int dtype,
                                    void *stream) {
  fp8_encode<<<spread(count), 256, 0, (cudaStream_t)stream>>>(x, out, count, scale, dtype);
  return cudaGetLastError();
}

extern "C" int attn_cuda_fp8_decode(const unsigned char *x, float *out, size_t count, float scale, int dtype,
                                    void *stream) {
  fp8_decode<<<spread(count), 256, 0, (cudaStream_t)stream>>>(x, out, count, scale, dtype);
  return cudaGetLastError();
}

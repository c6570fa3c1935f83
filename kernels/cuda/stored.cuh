// Pairs of stored 8-bit numbers as float16, exactly; parts/kv.h says what the bytes mean.
#ifndef TFJS_ATTENTION_CUDA_STORED_CUH
#define TFJS_ATTENTION_CUDA_STORED_CUH
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include "lanes.cuh"

/** Two bytes of `bytes`, at A and B, to the halves of a word. */
template <int DTYPE, int A, int B>
HOOK u32 stored_pair(u32 bytes) {
  if (DTYPE == KV_INT8) {
    // 1024 + (x + 128) is a float16 whose low byte is x + 128.
    u32 biased = __byte_perm(bytes ^ 0x80808080, 0x64646464, 0x4040 | A | B << 8);
    __half2 offset = __halves2half2(__ushort_as_half(0x6480), __ushort_as_half(0x6480));
    __half2 x = __hsub2(*(__half2 *)&biased, offset);
    return *(u32 *)&x;
  }
  // e5m2 is the upper byte of a float16.
  if (DTYPE == KV_FP8_E5M2) return __byte_perm(bytes, 0, 0x0404 | A << 4 | B << 12);
  u32 pair = B == 3 && A == 2 ? bytes >> 16 : B == 1 ? bytes : __byte_perm(bytes, 0, 0x4400 | A | B << 4);
  __half2_raw x = __nv_cvt_fp8x2_to_halfraw2((__nv_fp8x2_storage_t)pair, __NV_E4M3);
  return *(u32 *)&x;
}

/** Four bytes in order to two words. */
template <int DTYPE>
HOOK void stored_widen(u32 bytes, u32 (&to)[2]) {
  to[0] = stored_pair<DTYPE, 0, 1>(bytes);
  to[1] = stored_pair<DTYPE, 2, 3>(bytes);
}

/** Two rows of two columns [row][column] to one word a column. */
template <int DTYPE>
HOOK void stored_widen_columns(u32 bytes, u32 *first, u32 *second) {
  *first = stored_pair<DTYPE, 0, 2>(bytes);
  *second = stored_pair<DTYPE, 1, 3>(bytes);
}

#endif

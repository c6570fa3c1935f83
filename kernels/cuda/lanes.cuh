// One lane a thread: what the hooks of parts/*.h and cpu/encode.h are written over, as CUDA device code. Stands in
// for cpu/simd.h, whose guard it takes.
#ifndef TFJS_ATTENTION_CUDA_LANES_CUH
#define TFJS_ATTENTION_CUDA_LANES_CUH
#define TFJS_ATTENTION_SIMD_H
#include <cuda_runtime.h>

#define HOOK static __device__ __forceinline__
#define LANES 1
#define LANE(vector, i) (vector)
#define UNROLL _Pragma("unroll")

typedef unsigned int u32;
typedef unsigned long long address;
typedef float vf;
typedef int vi;

HOOK vf vf_load(const float *from) { return *from; }
HOOK vf vf_splat(float x) { return x; }
HOOK vi vi_splat(int x) { return x; }
HOOK vi vf_bits(vf x) { return __float_as_int(x); }
HOOK vf vf_from_bits(vi x) { return __int_as_float(x); }
HOOK vi vi_select(vi mask, vi yes, vi no) { return mask ? yes : no; }
HOOK vf vf_select(vi mask, vf yes, vf no) { return mask ? yes : no; }
HOOK vf vf_madd(vf a, vf b, vf c) { return fmaf(a, b, c); }
/** The larger one; `b` counts only where it compares greater, so a NaN in `a` stays and one in `b` is passed over. */
HOOK vf vf_max(vf a, vf b) { return a < b ? b : a; }
HOOK vf vf_convert(vi x) { return (float)x; }
HOOK vi vi_load_u8(const unsigned char *from) { return *from; }
HOOK vi vi_load_s8(const unsigned char *from) { return (signed char)*from; }
HOOK vi vi_load_top8(const unsigned char *from) { return *from << 24; }
HOOK vi vi_load_u16(const unsigned short *from) { return *from; }
HOOK vi vi_load_s16(const unsigned short *from) { return (short)*from; }
HOOK vf vf_gather(const float *const *rows, u32 step, vi index) { return rows[0 * step][index]; }
HOOK vi vi_gather_u8(const unsigned char *const *rows, u32 step, vi index) { return rows[0 * step][index]; }

/** tanh by the special function unit: 1 - 2 / (1 + e^2x). */
HOOK vf tanh_fast(vf x) { return 1.0f - __fdividef(2.0f, 1.0f + __expf(2.0f * x)); }

#include "../abi.h"
#include "../parts/softmax.h"
#include "../parts/score.h"
#include "../parts/mask.h"
#include "../parts/kv.h"

#endif

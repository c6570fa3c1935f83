// mma.sync, ldmatrix and cp.async: compute capability 8.0 and newer.
#ifndef TFJS_ATTENTION_CUDA_MMA_CUH
#define TFJS_ATTENTION_CUDA_MMA_CUH
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include "lanes.cuh"

HOOK u32 shared_at(const void *p) { return (u32)__cvta_generic_to_shared(p); }

/** `bytes` of 16 from `from`, then zeros. */
HOOK void copy_async_16(u32 to, const void *from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}
HOOK void copy_async_4(u32 to, const void *from, int bytes) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}
HOOK void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int PENDING>
HOOK void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

/** Four 8 x 8 matrices of 16-bit numbers; lane i gives the address of row i % 8 of matrix i / 8. */
HOOK void load_matrices(u32 (&to)[4], u32 row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
}
HOOK void load_matrices_transposed(u32 (&to)[4], u32 row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
}

/** An 8 x 8 matrix of 16-bit numbers, held as ldmatrix leaves it. */
HOOK u32 transpose_matrix(u32 x) {
  u32 y;
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(y) : "r"(x));
  return y;
}

/** d [16, 8] += a [16, 16] * b [16, 8]. */
template <bool HALF>
HOOK void mma_16(float (&d)[4], uint4 a, const u32 *b) {
  if (HALF) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b[0]), "r"(b[1]));
  } else {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b[0]), "r"(b[1]));
  }
}

/** Two numbers rounded to the 16-bit type; what is left of them stays in x and y, for the next part. */
template <bool HALF>
HOOK u32 mma_part(float &x, float &y) {
  if (HALF) {
    __half2 part = __floats2half2_rn(x, y);
    float2 back = __half22float2(part);
    x -= back.x, y -= back.y;
    return *(u32 *)&part;
  }
  __nv_bfloat162 part = __floats2bfloat162_rn(x, y);
  float2 back = __bfloat1622float2(part);
  x -= back.x, y -= back.y;
  return *(u32 *)&part;
}

#endif

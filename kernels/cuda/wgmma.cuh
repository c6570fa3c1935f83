// wgmma: D [64, N] += A [64, 16] * B [16, N], 16-bit operands, float32 sums. A lies in shared memory (K-major) or in
// registers; B in shared memory, K-major (keys of Q K^T) or N-major (values of P V). One function a shape, because an
// instruction's registers must be spelt out.
#ifndef TFJS_ATTENTION_CUDA_WGMMA_CUH
#define TFJS_ATTENTION_CUDA_WGMMA_CUH
#include "lanes.cuh"

HOOK void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
HOOK void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/** Until at most PENDING committed groups of this warpgroup run. */
template <int PENDING>
HOOK void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
}

/**
 * Descriptor of a 128-byte-swizzled operand (PTX ISA, "Matrix descriptor"): rows of 128 bytes, eight of them a pattern
 * of 1024 bytes; `leading` bytes from one 64-element column block to the next (N-major operands only). This is its
 * lower half, to which a place's distance in units of 16 bytes may be added.
 */
HOOK u32 wgmma_base(u32 sharedAddress, u32 leading) { return sharedAddress >> 4 | leading >> 4 << 16; }
HOOK unsigned long long wgmma_operand(u32 base, u32 bytes) {
  constexpr unsigned long long STRIDE = 1024 >> 4;
  return STRIDE << 32 | 1ull << 62 | (base + (bytes >> 4));
}

#define REGS_32 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define REGS_40 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
  "%32, %33, %34, %35, %36, %37, %38, %39"
#define REGS_64 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define REGS_88 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, " \
  "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
  "%80, %81, %82, %83, %84, %85, %86, %87"
#define REGS_96 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, " \
  "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
  "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define REGS_128 \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, " \
  "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, " \
  "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
  "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, " \
  "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
  "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, " \
  "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

#define SUMS_32 \
  "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), \
  "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), \
  "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), \
  "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
#define SUMS_40 \
  SUMS_32, \
  "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39])
#define SUMS_64 \
  SUMS_40, \
  "+f"(d[40]), "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), \
  "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]), \
  "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63])
#define SUMS_88 \
  SUMS_64, \
  "+f"(d[64]), "+f"(d[65]), "+f"(d[66]), "+f"(d[67]), "+f"(d[68]), "+f"(d[69]), "+f"(d[70]), "+f"(d[71]), \
  "+f"(d[72]), "+f"(d[73]), "+f"(d[74]), "+f"(d[75]), "+f"(d[76]), "+f"(d[77]), "+f"(d[78]), "+f"(d[79]), \
  "+f"(d[80]), "+f"(d[81]), "+f"(d[82]), "+f"(d[83]), "+f"(d[84]), "+f"(d[85]), "+f"(d[86]), "+f"(d[87])
#define SUMS_96 \
  SUMS_88, \
  "+f"(d[88]), "+f"(d[89]), "+f"(d[90]), "+f"(d[91]), "+f"(d[92]), "+f"(d[93]), "+f"(d[94]), "+f"(d[95])
#define SUMS_128 \
  SUMS_96, \
  "+f"(d[96]), "+f"(d[97]), "+f"(d[98]), "+f"(d[99]), "+f"(d[100]), "+f"(d[101]), "+f"(d[102]), "+f"(d[103]), \
  "+f"(d[104]), "+f"(d[105]), "+f"(d[106]), "+f"(d[107]), "+f"(d[108]), "+f"(d[109]), "+f"(d[110]), "+f"(d[111]), \
  "+f"(d[112]), "+f"(d[113]), "+f"(d[114]), "+f"(d[115]), "+f"(d[116]), "+f"(d[117]), "+f"(d[118]), "+f"(d[119]), \
  "+f"(d[120]), "+f"(d[121]), "+f"(d[122]), "+f"(d[123]), "+f"(d[124]), "+f"(d[125]), "+f"(d[126]), "+f"(d[127])

#define WGMMA_SHARED(N, COUNT, TYPE, NAME, DESC_A, DESC_B, SCALE)                                       \
  HOOK void NAME(float (&d)[COUNT], unsigned long long a, unsigned long long b, int accumulate) {       \
    asm volatile("{ .reg .pred p; setp.ne.b32 p, %" SCALE ", 0;\n"                                      \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE " {" REGS_##COUNT "}, " \
                 "%" DESC_A ", %" DESC_B ", p, 1, 1, 0, 0; }\n"                                         \
                 : SUMS_##COUNT                                                                         \
                 : "l"(a), "l"(b), "r"(accumulate));                                                    \
  }
#define WGMMA_REGISTERS(N, COUNT, TYPE, NAME, A0, A1, A2, A3, DESC_B, SCALE)                            \
  HOOK void NAME(float (&d)[COUNT], const u32 *a, unsigned long long b, int accumulate) {               \
    asm volatile("{ .reg .pred p; setp.ne.b32 p, %" SCALE ", 0;\n"                                      \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE " {" REGS_##COUNT "}, " \
                 "{%" A0 ", %" A1 ", %" A2 ", %" A3 "}, %" DESC_B ", p, 1, 1, 1; }\n"                   \
                 : SUMS_##COUNT                                                                         \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(accumulate));                \
  }
WGMMA_SHARED(64, 32, "bf16", wgmma_keys_bf16, "32", "33", "34")
WGMMA_SHARED(64, 32, "f16", wgmma_keys_f16, "32", "33", "34")
WGMMA_SHARED(80, 40, "bf16", wgmma_keys_bf16, "40", "41", "42")
WGMMA_SHARED(80, 40, "f16", wgmma_keys_f16, "40", "41", "42")
WGMMA_SHARED(128, 64, "bf16", wgmma_keys_bf16, "64", "65", "66")
WGMMA_SHARED(128, 64, "f16", wgmma_keys_f16, "64", "65", "66")
WGMMA_SHARED(176, 88, "bf16", wgmma_keys_bf16, "88", "89", "90")
WGMMA_SHARED(176, 88, "f16", wgmma_keys_f16, "88", "89", "90")
WGMMA_SHARED(192, 96, "bf16", wgmma_keys_bf16, "96", "97", "98")
WGMMA_SHARED(192, 96, "f16", wgmma_keys_f16, "96", "97", "98")
WGMMA_REGISTERS(64, 32, "bf16", wgmma_values_bf16, "32", "33", "34", "35", "36", "37")
WGMMA_REGISTERS(64, 32, "f16", wgmma_values_f16, "32", "33", "34", "35", "36", "37")
WGMMA_REGISTERS(128, 64, "bf16", wgmma_values_bf16, "64", "65", "66", "67", "68", "69")
WGMMA_REGISTERS(128, 64, "f16", wgmma_values_f16, "64", "65", "66", "67", "68", "69")
WGMMA_REGISTERS(256, 128, "bf16", wgmma_values_bf16, "128", "129", "130", "131", "132", "133")
WGMMA_REGISTERS(256, 128, "f16", wgmma_values_f16, "128", "129", "130", "131", "132", "133")

#endif

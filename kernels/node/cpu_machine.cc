#include "cpu_machine.h"
#include <algorithm>
#include <cstdint>
#include <new>
#include "machine_memory.h"

namespace tfjs_attention {
namespace {

/** Codes are bytes to the kernels and int32 to tfjs: they pass through so many at a time. */
constexpr size_t kCodes = 4096;

template <typename Convert>
void in_pieces(size_t count, Convert convert) {
  for (size_t at = 0; at < count; at += kCodes) convert(at, std::min(count - at, kCodes));
}

}  // namespace

const int *CpuMachine::ints(const Ints &host, const int *) { return host.data; }

void CpuMachine::attention(const AttnParams &p, const AttnOperands &o, int, const CallHeader &header) {
  if (attn_attention(kernels(), &p, &o, threads_of(context_, header.threads)) != 0) throw std::bad_alloc();
}

void CpuMachine::merge_states(const MergeOperands &m) {
  kernels()->mergeStates(m.outA, m.lseA, m.outB, m.lseB, m.sinks, m.out, m.lse, static_cast<u32>(m.tokens),
                         static_cast<u32>(m.heads), static_cast<u32>(m.size));
}

void CpuMachine::cache_write(const CacheParams &p, const CacheOperands &o, const CallHeader &header) {
  attn_cache_write(kernels(), &p, &o, threads_of(context_, header.threads));
}

void CpuMachine::cache_gather(const CacheParams &p, const CacheOperands &o, const CallHeader &header) {
  attn_cache_gather(kernels(), &p, &o, threads_of(context_, header.threads));
}

void CpuMachine::encode_fp8(const float *x, int *codes, size_t count, Conversion conversion) {
  in_pieces(count, [&](size_t at, size_t some) {
    unsigned char bytes[kCodes];
    kernels()->fp8Encode(x + at, bytes, static_cast<u32>(some), conversion.scale, static_cast<u32>(conversion.dtype));
    std::copy_n(bytes, some, codes + at);
  });
}

void CpuMachine::decode_fp8(const int *codes, float *x, size_t count, Conversion conversion) {
  in_pieces(count, [&](size_t at, size_t some) {
    unsigned char bytes[kCodes];
    for (size_t i = 0; i < some; i++) bytes[i] = static_cast<unsigned char>(codes[at + i]);
    kernels()->fp8Decode(bytes, x + at, static_cast<u32>(some), conversion.scale, static_cast<u32>(conversion.dtype));
  });
}

void CpuMachine::zero(void *to, size_t bytes) { std::memset(to, 0, bytes); }

void CpuMachine::copy(void *to, const void *from, size_t bytes) { std::memmove(to, from, bytes); }

void CpuMachine::upload(void *to, const void *host, size_t bytes) { std::memcpy(to, host, bytes); }

int64_t CpuMachine::memory() { return machine_memory(); }

std::vector<int> CpuMachine::describe() { return {static_cast<int>(threads_of(context_, 0))}; }

std::unique_ptr<Machine> cpu_machine(TF_OpKernelContext *context) { return std::make_unique<CpuMachine>(context); }

}  // namespace tfjs_attention

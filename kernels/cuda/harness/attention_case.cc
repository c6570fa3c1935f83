#include "attention_case.h"
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cstring>
#include "memory.h"

namespace {

constexpr size_t OPERANDS = sizeof(AttnOperands) / sizeof(void *), OUT = OPERANDS - 2, LSE = OPERANDS - 1;

#define OPERAND(name) (offsetof(AttnOperands, name) / sizeof(void *))

unsigned short narrowed(float x, int dtype) {
  return dtype == KV_FLOAT16 ? __half_as_ushort(__float2half_rn(x)) : __bfloat16_as_ushort(__float2bfloat16_rn(x));
}

float widened(unsigned short x, int dtype) {
  return dtype == KV_FLOAT16 ? __half2float(__ushort_as_half(x)) : __bfloat162float(__ushort_as_bfloat16(x));
}

Blob narrow(const Blob &floats, int dtype) {
  Blob b;
  b.present = true;
  b.bytes.resize(floats.count<float>() * 2);
  for (size_t i = 0; i < floats.count<float>(); i++) {
    ((unsigned short *)b.bytes.data())[i] = narrowed(floats.as<float>()[i], dtype);
  }
  return b;
}

struct Expected {
  const Blob &output, &lse, &limits;
  double limit(int precision, int which) const {
    // TensorFloat-32's 11 bits are float16's.
    int row = precision == CUDA_BFLOAT16 ? 1 : precision == CUDA_FLOAT32 ? 0 : 2;
    return limits.as<double>()[2 * row + which];
  }
};

/** Rounding the output itself. */
double rounding(const Expected &e, int dtype) {
  double most = 0;
  for (size_t i = 0; i < e.output.count<double>(); i++) {
    double x = std::fabs(e.output.as<double>()[i]);
    if (std::isfinite(x)) most = std::fmax(most, x);
  }
  return dtype == KV_FLOAT32 ? 0 : most * (dtype == KV_FLOAT16 ? 0x1p-11 : 0x1p-8);
}

}  // namespace

bool run_attention(const Case &c, const Run &run, Verdict *verdict) {
  AttnParams p;
  if (c.blobs.size() != 1 + OUT + 3 || c.blobs[0].bytes.size() != sizeof p) {
    throw std::runtime_error("the case was written for other parameters: export the cases anew");
  }
  std::memcpy(&p, c.blobs[0].bytes.data(), sizeof p);
  const Blob *operands = &c.blobs[1];
  Expected expected = {c.blobs[1 + OUT], c.blobs[2 + OUT], c.blobs[3 + OUT]};
  int half = run.precision == CUDA_BFLOAT16 ? KV_BFLOAT16 : KV_FLOAT16;
  if (run.narrow && p.kvDtype != KV_FLOAT32) return false;
  // The cases' limits of float16 say nothing of keys stored in bfloat16, and the other way round.
  if (p.kvDtype != KV_FLOAT32 && run.precision != CUDA_FLOAT32 && p.kvDtype != half) return false;
  if (run.narrow) p.kvDtype = half;

  CudaOptions options = {};
  options.precision = run.precision;
  options.path = run.path;
  options.qDtype = options.outDtype = run.narrow ? half : KV_FLOAT32;
  const Blob &starts = operands[OPERAND(queryStartLoc)];
  if (starts.present) options.numTokens = starts.as<int>()[p.numSeqs];
  if (attn_cuda_path(&p, &options) < 0) return false;

  DeviceMemory memory;
  void *pointers[OPERANDS] = {};
  for (size_t i = 0; i < OUT; i++) {
    bool rounds = run.narrow && (i == OPERAND(q) || i == OPERAND(k) || i == OPERAND(v));
    pointers[i] = rounds ? memory.copy(narrow(operands[i], half)) : memory.copy(operands[i]);
  }
  size_t outputs = expected.output.count<double>(), rows = expected.lse.count<double>();
  pointers[OUT] = memory.poisoned(outputs * (run.narrow ? 2 : 4));
  pointers[LSE] = memory.poisoned(rows * 4);
  options.workspaceBytes = attn_cuda_workspace_bytes(&p, &options);
  options.workspace = memory.poisoned(options.workspaceBytes);
  AttnOperands o;
  std::memcpy(&o, pointers, sizeof o);
  must(attn_cuda_attention(&p, &o, &options), "attention");
  must(cudaDeviceSynchronize(), "attention");

  auto bits = download<unsigned char>(pointers[OUT], outputs * (run.narrow ? 2 : 4));
  must(attn_cuda_attention(&p, &o, &options), "attention again");
  must(cudaDeviceSynchronize(), "attention again");
  if (download<unsigned char>(pointers[OUT], bits.size()) != bits) verdict->fail("other bits in a second run");

  std::vector<float> out;
  if (run.narrow) {
    for (unsigned short x : download<unsigned short>(pointers[OUT], outputs)) out.push_back(widened(x, half));
  } else {
    out = download<float>(pointers[OUT], outputs);
  }
  judge_within(verdict, "output", out, expected.output.as<double>(),
               expected.limit(run.precision, 0) + rounding(expected, options.outDtype));
  judge_within(verdict, "lse", download<float>(pointers[LSE], rows), expected.lse.as<double>(),
               expected.limit(run.precision, 1));
  if (!memory.intact()) verdict->fail("wrote past an operand's end");
  return true;
}

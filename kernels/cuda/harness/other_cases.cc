#include "other_cases.h"
#include <cstring>
#include "../attention.h"
#include "memory.h"

namespace {

bool never(unsigned char) { return false; }

/** Whether a stored code is a NaN of its type. */
bool stored_nan(int dtype, unsigned code) {
  switch (dtype) {
    case KV_FLOAT32:
      return (code & 0x7fffffffu) > 0x7f800000u;
    case KV_FLOAT16:
      return (code & 0x7fff) > 0x7c00;
    case KV_BFLOAT16:
      return (code & 0x7fff) > 0x7f80;
    case KV_FP8_E4M3:
    case KV_FP8_PER_TOKEN_HEAD:
      return (code & 0x7f) == 0x7f;
    case KV_FP8_E5M2:
      return (code & 0x7f) > 0x7c;
    default:
      return false;
  }
}

template <typename Code>
void judge_codes(Verdict *v, const char *what, const void *at, const Blob &expected, int dtype) {
  judge_same(v, what, download<Code>(at, expected.count<Code>()), expected.as<Code>(),
             [&](Code code) { return stored_nan(dtype, code); });
}

void judge_stored(Verdict *v, const char *what, const void *at, const Blob &expected, int dtype) {
  if (dtype == KV_FLOAT32) judge_codes<unsigned>(v, what, at, expected, dtype);
  else if (dtype == KV_FLOAT16 || dtype == KV_BFLOAT16) judge_codes<unsigned short>(v, what, at, expected, dtype);
  else judge_codes<unsigned char>(v, what, at, expected, dtype);
}

bool float_nan(float x) { return std::isnan(x); }

}  // namespace

/** Blobs: params, k, v, slotMapping, head scales, token scales; then new k, v and the bytes after, or k, v gathered. */
void run_cache(const Case &c, Verdict *verdict) {
  CacheParams p;
  std::memcpy(&p, c.blobs[0].bytes.data(), sizeof p);
  DeviceMemory memory;
  CacheOperands o = {};
  o.k = memory.copy(c.blobs[1]);
  o.v = memory.copy(c.blobs[2]);
  o.slotMapping = (int *)memory.copy(c.blobs[3]);
  o.kHeadScales = (float *)memory.copy(c.blobs[4]);
  o.vHeadScales = (float *)memory.copy(c.blobs[5]);
  o.kTokenScales = (float *)memory.copy(c.blobs[6]);
  o.vTokenScales = (float *)memory.copy(c.blobs[7]);
  const Blob &k = c.blobs[8], &v = c.blobs[9];
  if (c.kind == CASE_CACHE_WRITE) {
    o.newK = (float *)memory.copy(k);
    o.newV = (float *)memory.copy(v);
    must(attn_cuda_cache_write(&p, &o, nullptr), "cache write");
    must(cudaDeviceSynchronize(), "cache write");
    judge_stored(verdict, "keys", o.k, c.blobs[10], p.kvDtype);
    judge_stored(verdict, "values", o.v, c.blobs[11], p.kvDtype);
    if (o.kTokenScales) {
      judge_stored(verdict, "key scales", o.kTokenScales, c.blobs[12], KV_FLOAT32);
      judge_stored(verdict, "value scales", o.vTokenScales, c.blobs[13], KV_FLOAT32);
    }
  } else {
    o.newK = (float *)memory.poisoned(k.bytes.size());
    o.newV = (float *)memory.poisoned(v.bytes.size());
    must(attn_cuda_cache_gather(&p, &o, nullptr), "gather");
    must(cudaDeviceSynchronize(), "gather");
    judge_same(verdict, "keys", download<float>(o.newK, k.count<float>()), k.as<float>(), float_nan);
    judge_same(verdict, "values", download<float>(o.newV, v.count<float>()), v.as<float>(), float_nan);
  }
  if (!memory.intact()) verdict->fail("wrote past an operand's end");
}

void run_merge(const Case &c, Verdict *verdict) {
  const int *sizes = c.blobs[0].as<int>();
  DeviceMemory memory;
  float *in[5];
  for (int i = 0; i < 5; i++) in[i] = (float *)memory.copy(c.blobs[1 + i]);
  const Blob &output = c.blobs[6], &lse = c.blobs[7];
  size_t outputs = output.count<double>(), rows = lse.count<double>();
  float *out = (float *)memory.poisoned(outputs * 4), *lseOut = (float *)memory.poisoned(rows * 4);
  must(attn_cuda_merge_states(in[0], in[1], in[2], in[3], in[4], out, lseOut, sizes[0], sizes[1], sizes[2], nullptr),
       "merge");
  must(cudaDeviceSynchronize(), "merge");
  double most = 1;
  for (size_t i = 0; i < outputs; i++) {
    if (std::isfinite(output.as<double>()[i])) most = std::fmax(most, std::fabs(output.as<double>()[i]));
  }
  // A weight is an exponential of a difference of two lse, each a float32 of some size.
  for (size_t i = 0; i < rows; i++) {
    if (std::isfinite(lse.as<double>()[i])) most = std::fmax(most, std::fabs(lse.as<double>()[i]));
  }
  judge_within(verdict, "output", download<float>(out, outputs), output.as<double>(), 8 * 0x1p-24 * most);
  judge_within(verdict, "lse", download<float>(lseOut, rows), lse.as<double>(), 8 * 0x1p-24 * most);
  if (!memory.intact()) verdict->fail("wrote past an operand's end");
}

void run_fp8(const Case &c, Verdict *verdict) {
  float scale = *c.blobs[0].as<float>();
  int dtype = *c.blobs[1].as<int>();
  const Blob &x = c.blobs[2], &y = c.blobs[3];
  DeviceMemory memory;
  void *from = memory.copy(x), *to = memory.poisoned(y.bytes.size());
  if (c.kind == CASE_FP8_ENCODE) {
    must(attn_cuda_fp8_encode((float *)from, (unsigned char *)to, y.bytes.size(), scale, dtype, nullptr), "encode");
    judge_same(verdict, "codes", download<unsigned char>(to, y.bytes.size()), y.as<unsigned char>(), never);
  } else {
    must(attn_cuda_fp8_decode((unsigned char *)from, (float *)to, y.count<float>(), scale, dtype, nullptr), "decode");
    judge_same(verdict, "values", download<float>(to, y.count<float>()), y.as<float>(), float_nan);
  }
  if (!memory.intact()) verdict->fail("wrote past an operand's end");
}

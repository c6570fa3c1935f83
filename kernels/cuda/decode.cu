// The decode path: which calls it takes, and the kernel of a call's stored type.
#include "launch.h"

bool decode_takes(const AttnParams &p, int sharedBytes) {
  if (p.kvDtype == KV_FLOAT32 || p.kvDtype == KV_INT4_PER_TOKEN_HEAD) return false;
  if (p.headSize > 256 || p.valueHeadSize > 256 || sharedBytes < DECODE_SHARED) return false;
  int unit = p.kvDtype == KV_FLOAT16 || p.kvDtype == KV_BFLOAT16 ? 8 : 16;
  auto even = [&](int stride) { return stride % unit == 0; };
  return even(p.kStrideBatch) && even(p.kStrideToken) && even(p.kStrideHead) && even(p.vStrideBatch) &&
         even(p.vStrideToken) && even(p.vStrideHead);
}

int decode_rows(const AttnParams &p, bool exact) {
  bool large = p.headSize > 128 || p.valueHeadSize > 128;
  return exact || large || p.maxQueryLen * (p.numHeads / p.numKvHeads) <= 8 ? 8 : 16;
}

cudaError_t decode_launch(const Launch &c, bool exact, cudaStream_t stream) {
  switch (c.p.kvDtype) {
    case KV_FLOAT16:
      return decode_launch_float16(c, exact, stream);
    case KV_BFLOAT16:
      return decode_launch_bfloat16(c, exact, stream);
    case KV_FP8_E5M2:
      return decode_launch_e5m2(c, exact, stream);
    case KV_INT8:
    case KV_INT8_PER_TOKEN_HEAD:
      return decode_launch_int8(c, exact, stream);
    default:
      return decode_launch_e4m3(c, exact, stream);
  }
}

#include "ops.h"

namespace tfjs_attention {
namespace {

/** Codes are bytes to the kernels and int32 to tfjs: they pass through so many at a time. */
constexpr int64_t kCodes = 4096;

struct Conversion {
  float scale;
  u32 dtype;
};

Conversion read_conversion(Op &op) {
  Tensor scale = op.input(1, kFloat, "scale"), dtype = op.input(2, kInt32, "dtype");
  if (scale.count() != 1 || dtype.count() != 1) refuse("scale and dtype must be one number each");
  int type = *dtype.data<int>();
  if (type != KV_FP8_E4M3 && type != KV_FP8_E5M2) refuse("dtype is %d, no fp8 type", type);
  return {*scale.data<float>(), static_cast<u32>(type)};
}

template <typename Convert>
void in_pieces(int64_t count, Convert convert) {
  for (int64_t at = 0; at < count; at += kCodes) convert(at, count - at < kCodes ? count - at : kCodes);
}

}  // namespace

/** float32 to codes, int32. */
void encode_fp8(Op &op) {
  Tensor x = op.input(0, kFloat, "x");
  Conversion conversion = read_conversion(op);
  Tensor codes = op.output(0, kInt32, x.dims());
  const float *from = x.data<float>();
  int *to = codes.data<int>();
  in_pieces(x.count(), [&](int64_t at, int64_t count) {
    unsigned char bytes[kCodes];
    kernels()->fp8Encode(from + at, bytes, static_cast<u32>(count), conversion.scale, conversion.dtype);
    for (int64_t i = 0; i < count; i++) to[at + i] = bytes[i];
  });
}

/** Codes (their low bytes) to float32. */
void decode_fp8(Op &op) {
  Tensor codes = op.input(0, kInt32, "codes");
  Conversion conversion = read_conversion(op);
  Tensor x = op.output(0, kFloat, codes.dims());
  const int *from = codes.data<int>();
  float *to = x.data<float>();
  in_pieces(codes.count(), [&](int64_t at, int64_t count) {
    unsigned char bytes[kCodes];
    for (int64_t i = 0; i < count; i++) bytes[i] = static_cast<unsigned char>(from[at + i]);
    kernels()->fp8Decode(bytes, to + at, static_cast<u32>(count), conversion.scale, conversion.dtype);
  });
}

}  // namespace tfjs_attention

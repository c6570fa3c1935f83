#include "ops.h"

namespace tfjs_attention {
namespace {

Conversion read_conversion(Op &op) {
  Tensor scale = op.input(1, kFloat, "scale"), dtype = op.input(2, kInt32, "dtype");
  if (scale.count() != 1 || dtype.count() != 1) refuse("scale and dtype must be one number each");
  int type = *dtype.data<int>();
  if (type != KV_FP8_E4M3 && type != KV_FP8_E5M2) refuse("dtype is %d, no fp8 type", type);
  return {*scale.data<float>(), type};
}

}  // namespace

/** float32 to codes, int32. */
void encode_fp8(Op &op) {
  Tensor x = op.input(0, kFloat, "x");
  Conversion conversion = read_conversion(op);
  Tensor codes = op.output(0, kInt32, x.dims());
  op.machine().encode_fp8(x.data<float>(), codes.data<int>(), static_cast<size_t>(x.count()), conversion);
}

/** Codes (their low bytes) to float32. */
void decode_fp8(Op &op) {
  Tensor codes = op.input(0, kInt32, "codes");
  Conversion conversion = read_conversion(op);
  Tensor x = op.output(0, kFloat, codes.dims());
  op.machine().decode_fp8(codes.data<int>(), x.data<float>(), static_cast<size_t>(codes.count()), conversion);
}

}  // namespace tfjs_attention

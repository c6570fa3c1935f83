import { add, mean, mul, rsqrt, square, type Tensor } from '@tensorflow/tfjs-core';

/** RMSNorm (Zhang and Sennrich, 2019) over the last axis: x / sqrt(mean(x^2) + eps) * weight. */
export function rmsNorm<T extends Tensor>(x: T, weight: Tensor, eps: Tensor): T {
  const scale = rsqrt(add(mean(square(x), -1, true), eps));
  return mul(mul(x, scale), weight);
}

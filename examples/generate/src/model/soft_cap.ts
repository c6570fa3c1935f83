import { div, mul, tanh, type Tensor } from '@tensorflow/tfjs-core';

/** cap * tanh(x / cap); x where the cap is 0. */
export function softCap<T extends Tensor>(x: T, cap: number): T {
  return cap === 0 ? x : mul(tanh(div(x, cap)), cap);
}

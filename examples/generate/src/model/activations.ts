import { add, erf, mul, sigmoid, tanh, type Tensor2D } from '@tensorflow/tfjs-core';

/** An elementwise gate of the feed-forward block. */
export type Activation = (x: Tensor2D) => Tensor2D;

const silu: Activation = (x) => mul(x, sigmoid(x));

/** x * Phi(x) */
const gelu: Activation = (x) => mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));

/** Hendrycks and Gimpel's tanh form of GELU. */
const geluTanh: Activation = (x) => {
  const inner = mul(add(x, mul(mul(x, mul(x, x)), 0.044715)), Math.sqrt(2 / Math.PI));
  return mul(mul(x, 0.5), add(tanh(inner), 1));
};

/** By the names that `hidden_act` takes. */
export const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  silu,
  swish: silu,
  gelu,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
};

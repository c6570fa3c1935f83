import type { Tensor } from '@tensorflow/tfjs-core';
import type { AttentionResult } from '../problem/options.js';

/** The one return rule of the attention ops. */
export function attentionResult(
  tensors: readonly Tensor[],
  returnLse: boolean | undefined,
): Tensor | AttentionResult {
  const [output, lse] = tensors;
  return returnLse === true ? { output, lse } : output;
}

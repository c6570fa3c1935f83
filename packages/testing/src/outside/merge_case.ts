import * as tf from '@tensorflow/tfjs-core';
import { mergeAttnStates } from '@tfjs-attention/core';
import { inScope } from '../suite/in_scope.js';
import { Comparisons, type Outcome } from './outcome.js';
import { floatsOf, valuesOf, type TensorData } from './tensor_data.js';

/** A call of vLLM's `merge_attn_states`: outputs `[T, N, Hv]`, lse `[N, T]`. */
export interface MergeCase {
  readonly name?: string;
  readonly prefixOutput: TensorData;
  readonly prefixLse: TensorData;
  readonly suffixOutput: TensorData;
  readonly suffixLse: TensorData;
  readonly output: TensorData;
  readonly outputLse: TensorData;
}

/** Both sides compute in float32, theirs with the GPU's approximate exp and log. */
const ATOL = 1e-5;

export async function runMergeCase(c: MergeCase): Promise<Outcome> {
  const comparisons = new Comparisons();
  await inScope(async () => {
    const tensor = (data: TensorData) => tf.tensor(floatsOf(data), [...data.shape]);
    const state = (output: TensorData, lse: TensorData) => ({
      output: tensor(output),
      lse: tf.transpose(tensor(lse)),
    });
    const merged = mergeAttnStates(
      state(c.prefixOutput, c.prefixLse),
      state(c.suffixOutput, c.suffixLse),
    );
    comparisons.close('output', await merged.output.data(), valuesOf(c.output), { atol: ATOL });
    const lse = await tf.transpose(merged.lse).data();
    comparisons.close('lse', lse, valuesOf(c.outputLse), { atol: ATOL });
  });
  const name = c.name ?? `merge [${c.prefixOutput.shape.join(', ')}]`;
  return { name, failures: comparisons.failures };
}

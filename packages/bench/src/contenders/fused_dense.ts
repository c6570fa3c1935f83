import { flashAttention } from '@tfjs-attention/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Cell } from '../grid.js';
import type { Inputs } from '../inputs.js';
import { tokenMajorRow, type Runner } from './contender.js';

/** `flashAttention` on the active tfjs backend. On 'cpu' a call copies q, k, v and the output; on 'wasm' nothing. */
export function denseRunner(cell: Cell, inputs: Inputs): Runner {
  const { numHeads, numKvHeads, headSize, queryLen, seqLen, causal, slidingWindow } = cell;
  const q = tf.tensor4d(inputs.q, [1, queryLen, numHeads, headSize]);
  const k = tf.tensor4d(inputs.k, [1, seqLen, numKvHeads, headSize]);
  const v = tf.tensor4d(inputs.v, [1, seqLen, numKvHeads, headSize]);
  const options = { causal, ...(slidingWindow !== undefined && { slidingWindow }) };
  let output: Float32Array = new Float32Array();
  return {
    run: () => {
      const result = flashAttention(q, k, v, options);
      output = result.dataSync<'float32'>();
      result.dispose();
    },
    row: (token, head) => tokenMajorRow(output, cell)(token, head),
    dispose: () => tf.dispose([q, k, v]),
  };
}

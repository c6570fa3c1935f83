import * as tf from '@tensorflow/tfjs-core';
import { flashAttention, pagedAttention, reshapeAndCache } from '@tfjs-attention/core';
import { tokenMajorRow } from '../contenders/contender.js';
import { openPages } from '../contenders/fused_paged.js';
import type { Cell } from '../grid.js';
import type { Inputs } from '../inputs.js';
import type { Chain } from './chain.js';

/** Our ops on the active tfjs backend. */
export function ourChain(cell: Cell, inputs: Inputs): Chain {
  const row: Chain['row'] = (output, token, head) => tokenMajorRow(output, cell)(token, head);
  return { name: 'ours', row, ...(cell.group === 'decode' ? paged : dense)(cell, inputs) };
}

type Part = Pick<Chain, 'query' | 'step' | 'dispose'>;

function dense(cell: Cell, inputs: Inputs): Part {
  const { numHeads, numKvHeads, headSize, queryLen, seqLen, causal, slidingWindow } = cell;
  const query = tf.tensor4d(inputs.q, [1, queryLen, numHeads, headSize]);
  const k = tf.tensor4d(inputs.k, [1, seqLen, numKvHeads, headSize]);
  const v = tf.tensor4d(inputs.v, [1, seqLen, numKvHeads, headSize]);
  const options = { causal, ...(slidingWindow !== undefined && { slidingWindow }) };
  return {
    query,
    step: (q) => flashAttention(q, k, v, options),
    dispose: () => tf.dispose([query, k, v]),
  };
}

function paged(cell: Cell, inputs: Inputs): Part {
  const { q, k, v, cache, plan, dispose } = openPages(cell, inputs, 'float32');
  return {
    query: q,
    step: (query) => {
      reshapeAndCache(k, v, cache, plan);
      return pagedAttention(query, cache, plan);
    },
    dispose,
  };
}

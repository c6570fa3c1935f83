import { add, broadcast_util, broadcastTo, div, expandDims, matMul, mul, reshape, softmax, sub, tanh, where, type Tensor } from '@tensorflow/tfjs-core'; // prettier-ignore
import { InvalidArgumentError } from '@tfjs-attention/core';
import { ATTENTION_OP, type AttentionProgram, type Step } from '../program/program.js';
import { bandMask } from './band_mask.js';
import { arranged, canonical, repeated, viewOf, type View } from './views.js';

/** The ops that the graph had, step by step: the definition of what a fused node computes. */
export function stockAttention(program: AttentionProgram, inputs: readonly Tensor[]): Tensor {
  const query = canonical(viewOf(inputs[0], program.query));
  const keys = viewOf(inputs[1], program.key);
  const values = viewOf(inputs[2], program.value);
  let scores = product(query, keys);
  for (const step of program.steps) scores = applied(step, scores, inputs);
  const value = canonical(values);
  return arranged(whole(softmax(scores), repeated(value, values.repeat), false), program.out);
}

/** Keys that already lie as `[..., size, tokens]` are multiplied as they are. */
function product(query: Tensor, keys: View): Tensor {
  const last = keys.axes.length - 1;
  const swapped = keys.axes.every((axis, i) => axis === (i < last - 1 ? i : 2 * last - 1 - i));
  if (swapped && keys.repeat === 1) return whole(query, keys.tensor, false);
  return whole(query, repeated(canonical(keys), keys.repeat), true);
}

/**
 * `tf.matMul` of operands whose leading axes were made equal: it takes batches modulo the smaller operand's number, which
 * pairs `[B, N]` with `[B, 1]` wrongly.
 */
function whole(a: Tensor, b: Tensor, transposeB: boolean): Tensor {
  const [left, right] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  if (left.join() === right.join()) return matMul(a, b, false, transposeB);
  const lead = broadcast_util.assertAndGetBroadcastShape(left, right);
  const spread = (tensor: Tensor) => broadcastTo(tensor, [...lead, ...tensor.shape.slice(-2)]);
  return matMul(spread(a), spread(b), false, transposeB);
}

function applied(step: Step, scores: Tensor, inputs: readonly Tensor[]): Tensor {
  switch (step.op) {
    case 'scale':
      return mul(scores, step.by);
    case 'multiply':
      return mul(scores, inputs[step.input]);
    case 'divide':
      return div(scores, inputs[step.input]);
    case 'add':
      return add(scores, inputs[step.input]);
    case 'subtract':
      return sub(scores, inputs[step.input]);
    case 'tanh':
      return tanh(scores);
    case 'select': {
      const condition = expanded(inputs[step.input], step.expand);
      return step.keep ? where(condition, scores, step.fill) : where(condition, step.fill, scores);
    }
    case 'causal':
      checkBand(step, scores.shape);
      return where(bandMask(step, scores.shape), scores, step.fill);
    case 'reshape':
      return reshape(scores, [...step.shape]);
    case 'reshape_to':
      return reshape(scores, Array.from(inputs[step.input].dataSync()));
  }
}

export function expanded(condition: Tensor, axes: readonly number[] = []): Tensor {
  return axes.reduce((tensor, axis) => expandDims(tensor, axis), condition);
}

/** A constant mask fits one length only, here as in the graph that held it. */
export function checkBand(step: Extract<Step, { op: 'causal' }>, scores: readonly number[]): void {
  const [rows, columns] = scores.slice(-2);
  if ((step.rows ?? rows) !== rows || (step.columns ?? columns) !== columns) {
    throw new InvalidArgumentError(
      `${ATTENTION_OP}: the model's causal mask is for ${step.rows} queries and ${step.columns} keys, ` +
        `got ${rows} and ${columns}: give inputs of the length that the model was made for`,
    );
  }
}

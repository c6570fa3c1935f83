import { readFileSync } from 'node:fs';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from '@jest/globals';
import '@tfjs-attention/backend-cpu';
import { flashAttention, type FlashAttentionOptions } from '@tfjs-attention/core';
import {
  describeDense,
  referenceBackward,
  type OperandGradients,
} from '@tfjs-attention/core/reference';
import { findStockWasm } from '../node/stock_wasm.js';
import { worstDistance } from '../suite/assert.js';

interface Stored {
  shape: number[];
  /** Base64 of little-endian numbers. */
  data: string;
}

type Operand = keyof OperandGradients;

interface TorchCase {
  name: string;
  options: FlashAttentionOptions;
  operands: Partial<Record<Operand, Stored>>;
  dout: Stored;
  dlse: Stored;
  gradients: Partial<Record<Operand, Stored>>;
}

const FILE = new URL('../../fixtures/torch/gradients.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(FILE, 'utf8')) as { cases: TorchCase[] };

const bytesOf = ({ data }: Stored) => Uint8Array.from(Buffer.from(data, 'base64')).buffer;
const operandNumbers = (stored: Stored) => new Float32Array(bytesOf(stored));
const gradientNumbers = (stored: Stored) => new Float64Array(bytesOf(stored));
const tensorOf = (stored: Stored) => tf.tensor(operandNumbers(stored), stored.shape);

function operandsOf(c: TorchCase): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(c.operands).map(([name, x]) => [name, tensorOf(x)]));
}

/** Largest distance from PyTorch's gradient, as a share of its largest number. */
function distance(c: TorchCase, name: Operand, actual: ArrayLike<number>): number {
  const wanted = gradientNumbers(c.gradients[name] as Stored);
  const most = wanted.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return worstDistance(actual, wanted).distance / most;
}

beforeAll(() => {
  tf.env().set('IS_TEST', true);
  findStockWasm();
});

describe.each(cases)('PyTorch: $name', (c) => {
  const names = Object.keys(c.gradients) as Operand[];

  test('the float64 oracle agrees', async () => {
    await tf.setBackend('cpu');
    const { q, k, v, ...more } = operandsOf(c);
    const { problem } = describeDense('torch', q, k, v, { ...c.options, ...more });
    const { params } = problem;
    const host = Object.fromEntries(names.map((name) => [name, operandNumbers(c.operands[name] as Stored)])) as Record<Operand, Float32Array>; // prettier-ignore
    const found = referenceBackward(
      problem,
      {
        ...host,
        key: (b, j, head, lane) =>
          host.k[
            b * params.kStrideBatch + j * params.kStrideToken + head * params.kStrideHead + lane
          ],
        value: (b, j, head, lane) =>
          host.v[
            b * params.vStrideBatch + j * params.vStrideToken + head * params.vStrideHead + lane
          ],
      },
      operandNumbers(c.dout),
      operandNumbers(c.dlse),
    );
    for (const name of names) {
      expect(distance(c, name, found[name] as Float64Array)).toBeLessThan(1e-12);
    }
  });

  test.each(['cpu', 'wasm'])('fused kernels of %s agree', async (backend) => {
    await tf.setBackend(backend);
    tf.tidy(() => {
      const operands = operandsOf(c);
      const loss = (...tensors: tf.Tensor[]) => {
        const { q, k, v, ...more } = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
        const options = { ...c.options, ...more, implementation: 'FUSED' } as const;
        const { output, lse } = flashAttention(q, k, v, { ...options, returnLse: true });
        const pulled = tf.sum(tf.mul(output, tensorOf(c.dout)));
        return tf.add<tf.Scalar>(pulled, tf.sum(tf.mul(lse, tensorOf(c.dlse))));
      };
      const found = tf.grads(loss)(names.map((name) => operands[name]));
      names.forEach((name, i) => {
        expect(distance(c, name, found[i].dataSync())).toBeLessThan(2e-6);
      });
    });
  });
});

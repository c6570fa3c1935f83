import { describe, expect, test } from '@jest/globals';
import { aCell } from '../fixtures.js';
import { makeInputs } from '../inputs.js';
import { onnxCall, onnxUnfit, type OnnxOp } from './attention_ops.js';

const decode = aCell({ group: 'decode', queryLen: 1, seqLen: 5, numKvHeads: 8 });
const past = aCell({ group: 'past', queryLen: 3, seqLen: 5, numKvHeads: 8 });
const prefill = aCell({ queryLen: 4, seqLen: 4 });
const window = aCell({ group: 'window', queryLen: 4, seqLen: 4, slidingWindow: 2 });
const OPS: OnnxOp[] = ['MHA', 'GQA', 'Attention-23'];

describe.each(OPS)('%s', (op) => {
  test.each([
    ['prefill', prefill],
    ['decode', decode],
    ['prefill with a past', past],
  ])('%s feeds have as many numbers as their dims say', (_, cell) => {
    const { feeds } = onnxCall(op, 'copied', cell, makeInputs(cell));
    for (const { data, dims } of Object.values(feeds)) {
      expect(data).toHaveLength(dims.reduce((product, size) => product * size, 1));
    }
  });

  test('decode with its cache takes the past and gives the present', () => {
    const { model, feeds } = onnxCall(op, 'copied', decode, makeInputs(decode));
    expect(feeds.past_k.dims).toEqual([1, 8, 4, 64]);
    expect(model.outputs.map(({ name }) => name)).toEqual(['y', 'present_k', 'present_v']);
  });
});

test('masked keys are told by a flag, or by a mask where there is a window', () => {
  const inputs = makeInputs(prefill);
  expect(onnxCall('MHA', 'copied', prefill, inputs).model.attributes.unidirectional).toBe(1);
  expect(onnxCall('Attention-23', 'copied', prefill, inputs).model.attributes.is_causal).toBe(1);
  const { model, feeds } = onnxCall('Attention-23', 'copied', window, makeInputs(window));
  expect(model.attributes.is_causal).toBe(0);
  expect([...feeds.mask.data].map((x) => (x === 0 ? 1 : 0))).toEqual(
    [
      [1, 0, 0, 0],
      [1, 1, 0, 0],
      [0, 1, 1, 0],
      [0, 0, 1, 1],
    ].flat(),
  );
});

test('says what an op cannot do', () => {
  expect(onnxUnfit('MHA', aCell({ numKvHeads: 2 }))).toContain('grouped');
  expect(onnxUnfit('MHA', window)).toContain('window');
  expect(onnxUnfit('GQA', aCell({ group: 'full', causal: false }))).toContain('causal');
  expect(onnxUnfit('Attention-23', window)).toBeNull();
});

import { expect, test } from '@jest/globals';
import type { io } from '@tensorflow/tfjs-core';
import { Constants } from '../topology/constants.js';
import type { NodeDef } from '../topology/graph_def.js';
import { GraphView } from '../topology/graph_view.js';
import { Weights } from '../topology/weights.js';
import { rulesOf } from './condition.js';

const SIZE = 3;
const TRIANGLE = [1, 0, 0, 1, 1, 0, 1, 1, 1];

/** `ExpandDims(LogicalAnd(pad, triangle), axis)` with a pad `[B, 3]` or `[B, 3, 3]`. */
function context(axis: number, padShape: number[], triangleShape: number[]) {
  const weightSpecs: io.WeightsManifestEntry[] = [
    { name: 'triangle', shape: triangleShape, dtype: 'bool' },
    { name: 'axis', shape: [], dtype: 'int32' },
  ];
  const bytes = new Uint8Array([...TRIANGLE, ...new Uint8Array(new Int32Array([axis]).buffer)]);
  const dim = padShape.map((size) => ({ size }));
  const nodes: NodeDef[] = [
    { name: 'pad', op: 'Placeholder', attr: { shape: { shape: { dim } } } },
    { name: 'triangle', op: 'Const' },
    { name: 'axis', op: 'Const' },
    { name: 'and', op: 'LogicalAnd', input: ['pad', 'triangle'] },
    { name: 'mask', op: 'ExpandDims', input: ['and', 'axis'] },
  ];
  const graph = new GraphView('main graph', nodes, new Set(['mask']));
  return { graph, constants: new Constants(graph, new Weights(weightSpecs, bytes.buffer)) };
}

const pad = (axis: number) => ({ kind: 'tensor', ref: 'pad', keep: true, expand: [axis] });
const band = { kind: 'band', band: { offset: 0, rows: SIZE, columns: SIZE } };

test.each([1, -3])(
  'a triangle below an axis inserted before its own two (%d) is causal',
  (axis) => {
    const found = rulesOf(context(axis, [-1, 3, 3], [1, 3, 3]), 'mask', true);
    expect(found).toEqual([pad(axis), band]);
  },
);

test.each([1, -2])('one whose rows become batches (%d) is none', (axis) => {
  const found = rulesOf(context(axis, [-1, 3], [3, 3]), 'mask', true);
  expect(found).toEqual([pad(axis), { ...pad(axis), ref: 'triangle' }]);
});

test('operands of different ranks stay together under an inserted axis', () => {
  const found = rulesOf(context(1, [-1, 3, 3], [3, 3]), 'mask', true);
  expect(found).toEqual([{ ...pad(1), ref: 'and' }]);
});

test('a condition that must not hold is not taken apart by and', () => {
  const found = rulesOf(context(1, [-1, 3, 3], [1, 3, 3]), 'and', false);
  expect(found).toEqual([{ kind: 'tensor', ref: 'and', keep: false, expand: [] }]);
});

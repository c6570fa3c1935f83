import { expect, test } from '@jest/globals';
import { aCell } from './fixtures.js';
import { makeInputs, toHeadMajor } from './inputs.js';

test('toHeadMajor moves heads before tokens and cuts at the token count', () => {
  const data = Float32Array.of(0, 1, 10, 11, 100, 101, 110, 111, 7, 7, 7, 7);
  expect([...toHeadMajor(data, 2, 2, 2)]).toEqual([0, 1, 100, 101, 10, 11, 110, 111]);
});

test('inputs are the same in every run, standard normal, and differ between q, k and v', () => {
  const cell = aCell({ queryLen: 64, seqLen: 64 });
  const { q, k, v } = makeInputs(cell);
  expect(makeInputs(cell).k).toEqual(k);
  expect(q).not.toEqual(k);
  expect(k).not.toEqual(v);
  const variance = q.reduce((sum, x) => sum + x * x, 0) / q.length;
  expect(variance).toBeGreaterThan(0.95);
  expect(variance).toBeLessThan(1.05);
});

test('past and last of a chunk with a past', () => {
  const cell = aCell({ group: 'past', queryLen: 2, seqLen: 3, numKvHeads: 1, headSize: 1 });
  const inputs = makeInputs(cell);
  const { k } = inputs;
  expect([...inputs.past('k')]).toEqual([k[0]]);
  expect([...inputs.last('k')]).toEqual([k[1], k[2]]);
});

test('past and last are the cache and the new token of a decode step', () => {
  const cell = aCell({ group: 'decode', queryLen: 1, seqLen: 3, numKvHeads: 2, headSize: 1 });
  const inputs = makeInputs(cell);
  const { k } = inputs;
  expect([...inputs.past('k')]).toEqual([k[0], k[2], k[1], k[3]]);
  expect([...inputs.last('k')]).toEqual([k[4], k[5]]);
});

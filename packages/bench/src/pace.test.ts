import { expect, test } from '@jest/globals';
import { aCell } from './fixtures.js';
import { Pace } from './pace.js';

const cell = (seqLen: number, headSize = 64) => aCell({ seqLen, queryLen: seqLen, headSize });

test('foretells from the last cell of the same head size', () => {
  const pace = new Pace();
  pace.note('peer', cell(128), 2);
  pace.note('peer', cell(128, 32), 50);
  expect(pace.foretell('peer', cell(256))).toBeCloseTo(8);
});

test('another head size serves where nothing else is known', () => {
  const pace = new Pace();
  pace.note('peer', cell(128, 32), 1);
  expect(pace.foretell('peer', cell(128, 64))).toBeCloseTo(2);
});

test('knows nothing of another phase or peer', () => {
  const pace = new Pace();
  pace.note('peer', cell(128), 2);
  expect(pace.foretell('other', cell(128))).toBeUndefined();
  expect(pace.foretell('peer', aCell({ group: 'decode', queryLen: 1 }))).toBeUndefined();
});

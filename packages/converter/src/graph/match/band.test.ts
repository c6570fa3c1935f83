import { expect, test } from '@jest/globals';
import { readBand } from './band.js';

const read = (rows: string[], lead: number[] = []) =>
  readBand(
    {
      dtype: 'bool',
      shape: [...lead, rows.length, rows[0].length],
      values: [...rows.join('')].map(Number),
    },
    (value) => value === 1,
  );

test.each<[string, string[], object | undefined]>([
  ['causal', ['100', '110', '111'], { offset: 0 }],
  ['more keys than queries', ['1110', '1111'], { offset: 2 }],
  ['more queries than keys', ['10', '11', '11'], { offset: 0 }],
  ['a window', ['1000', '1100', '0110', '0011'], { offset: 0, left: 1 }],
  ['the diagonal alone', ['100', '010', '001'], { offset: 0, left: 0 }],
  ['everything', ['11', '11'], undefined],
  ['the future', ['111', '011', '001'], undefined],
  ['a row that sees nothing', ['00', '10'], undefined],
  ['a gap', ['100', '110', '101'], undefined],
  ['another slope', ['1000', '1110', '1111'], undefined],
  ['one row', ['100'], undefined],
])('%s', (_, rows, expected) => {
  const [height, columns] = [rows.length, rows[0].length];
  expect(read(rows)).toEqual(expected && { ...expected, rows: height, columns });
});

test('leading axes of one are no matter, longer ones are no band', () => {
  expect(read(['10', '11'], [1, 1])).toBeDefined();
  const twice = { dtype: 'bool', shape: [2, 2, 2], values: [1, 0, 1, 1, 1, 0, 1, 1] };
  expect(readBand(twice, (value) => value === 1)).toBeUndefined();
});

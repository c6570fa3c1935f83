import { expect, test } from '@jest/globals';
import { bytes, float, int, message, string } from './protobuf.js';

// Expected bytes are those of the protobuf encoding guide, or worked out by hand from it.
test.each([
  ['a small integer', int(1, 1), [0x08, 1]],
  ['150 takes two digits', int(1, 150), [0x08, 0x96, 0x01]],
  ['-1 takes ten', int(3, -1), [0x18, ...new Array<number>(9).fill(0xff), 1]],
  ['a field number past 15', int(20, 2), [0xa0, 0x01, 2]],
  ['a string', string(2, 'testing'), [0x12, 7, ...Buffer.from('testing')]],
  ['a float, little-endian', float(2, 0.5), [0x15, 0, 0, 0, 0x3f]],
  ['a message in a message', bytes(3, int(1, 150)), [0x1a, 3, 0x08, 0x96, 0x01]],
])('%s', (_, actual, expected) => {
  expect([...actual]).toEqual(expected);
});

test('message joins fields in order', () => {
  expect([...message(int(1, 1), int(2, 2))]).toEqual([0x08, 1, 0x10, 2]);
});

import { expect, test } from '@jest/globals';
import { ArrayRegion } from '../heap/region.js';
import { Struct } from './struct.js';

const struct = new Struct({ scale: 'f32', count: 'i32', flags: 'i32' });
const place = () => new ArrayRegion(new Uint8Array(struct.byteLength));

test.each([
  ['in table order', { scale: 0.5, count: 7, flags: -1 }],
  ['in another order', { flags: -1, scale: 0.5, count: 7 }],
])('fields %s', (_, values) => {
  const region = place();
  struct.write(region, values);
  expect(region.floats()[0]).toBe(0.5);
  expect(Array.from(region.ints().subarray(1))).toEqual([7, -1]);
});

test('an absent or undefined operand is null, whatever the order', () => {
  const at = (address: number) => Object.assign(place(), { address });
  const pointers = new Struct({ q: 'const float', k: 'const void', out: 'float' });
  const region = place();
  for (const operands of [
    { q: at(8), k: undefined, out: at(16) },
    { out: at(16), q: at(8) },
  ]) {
    region.ints().fill(99);
    pointers.writePointers(region, operands);
    expect(Array.from(region.ints())).toEqual([8, 0, 16]);
  }
});

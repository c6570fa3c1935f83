import { expect, test } from '@jest/globals';
import { InvalidArgumentError } from '../errors.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';

const tensors = {
  'a.key': { dtype: 'F32', shape: [1, 2], bytes: Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 64) },
  'a.value': { dtype: 'I8', shape: [3], bytes: Uint8Array.of(1, 2, 3) },
  none: { dtype: 'F16', shape: [0], bytes: new Uint8Array() },
};

test('what is written is read', () => {
  expect(readSafetensors(writeSafetensors(tensors, { model: 'm' }))).toEqual(tensors);
  const inside = new Uint8Array([9, 9, ...writeSafetensors(tensors)]).subarray(2);
  expect(readSafetensors(inside)).toEqual(tensors);
});

test('the file is what the format says', () => {
  const file = writeSafetensors(tensors, { model: 'm' });
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  expect(length % 8).toBe(0);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as object;
  expect(header).toEqual({
    __metadata__: { model: 'm' },
    'a.key': { dtype: 'F32', shape: [1, 2], data_offsets: [0, 8] },
    'a.value': { dtype: 'I8', shape: [3], data_offsets: [8, 11] },
    none: { dtype: 'F16', shape: [0], data_offsets: [11, 11] },
  });
  expect(file.length).toBe(8 + length + 11);
  expect(Array.from(file.subarray(8 + length + 8))).toEqual([1, 2, 3]);
});

test('damage is named', () => {
  const file = writeSafetensors(tensors);
  const read = (bytes: Uint8Array) => () => readSafetensors(bytes);
  expect(read(file.subarray(0, 5))).toThrow(InvalidArgumentError);
  expect(read(file.subarray(0, 5))).toThrow(/5 bytes has no header/);
  expect(read(file.subarray(0, 30))).toThrow(/cut off/);
  expect(read(file.subarray(0, file.length - 1))).toThrow(/'a\.value' .*cut off/);
  const broken = file.slice();
  broken[8] = 0;
  expect(read(broken)).toThrow(/no JSON/);
  for (const header of [
    'null',
    '{"a":{}}',
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}',
  ]) {
    const text = new TextEncoder().encode(header);
    expect(read(Uint8Array.of(text.length, 0, 0, 0, 0, 0, 0, 0, ...text))).toThrow(
      InvalidArgumentError,
    );
  }
});

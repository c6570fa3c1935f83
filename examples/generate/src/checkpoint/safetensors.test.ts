import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { DiskFile } from './disk_files.js';
import { SafetensorsFile } from './safetensors.js';
import {
  float32Tensor,
  safetensorsBytes,
  withDirectory,
  type RawTensor,
} from '../temp_checkpoint.js';

const codes = (dtype: string, ...values: number[]): RawTensor => ({
  dtype,
  shape: [values.length],
  data: new Uint8Array(Uint16Array.from(values).buffer),
});

function withBytes(bytes: Uint8Array, fn: (path: string) => void): Promise<void> {
  return withDirectory((directory) => {
    const path = join(directory, 'x.safetensors');
    writeFileSync(path, bytes);
    fn(path);
  });
}

/** A tensor put together from its pieces. */
function read(file: SafetensorsFile, name: string): Float32Array {
  const size = (file.shapeOf(name) ?? [0]).reduce((product, length) => product * length, 1);
  const values = new Float32Array(size);
  file.visit(name, (piece, start) => values.set(piece, start));
  return values;
}

test('reads float32, float16 and bfloat16, at any alignment', () =>
  withBytes(
    safetensorsBytes({
      // 1, -2, 2^-24 (smallest subnormal), 65504 (largest), -Infinity, NaN
      half: codes('F16', 0x3c00, 0xc000, 0x0001, 0x7bff, 0xfc00, 0x7e00),
      odd: { dtype: 'U8', shape: [1], data: Uint8Array.of(7) },
      brain: codes('BF16', 0x3f80, 0xc0a0, 0x7f80),
      full: float32Tensor([2, 2], [1.5, -2, 3e-40, 4]),
    }),
    (path) => {
      const file = new SafetensorsFile(new DiskFile(path));
      expect([...read(file, 'half')]).toEqual([1, -2, 2 ** -24, 65504, -Infinity, NaN]);
      expect([...read(file, 'brain')]).toEqual([1, -5, Infinity]);
      expect(file.shapeOf('full')).toEqual([2, 2]);
      expect(read(file, 'full')).toEqual(Float32Array.of(1.5, -2, 3e-40, 4));
      expect(file.has('other')).toBe(false);
      expect(() => read(file, 'other')).toThrow(`${path}: has no tensor 'other'`);
      expect(() => read(file, 'odd')).toThrow(/tensor 'odd' has dtype U8; only F32, F16, BF16/);
      file.close();
    },
  ));

describe('refuses, naming file and tensor,', () => {
  const good = safetensorsBytes({ w: float32Tensor([2], [1, 2]) });
  const replaced = (from: string, to: string) =>
    Buffer.from(Buffer.from(good).toString('latin1').replace(from, to), 'latin1');

  test.each([
    ['an empty file', new Uint8Array(0), /0 bytes are too few/],
    ['a header past the end', good.slice(0, 20), /a header of \d+ bytes does not fit/],
    ['data cut off', good.slice(0, -1), /tensor 'w' ends at byte \d+ of a file of \d+/],
    ['a header that is no JSON', replaced('{', '('), /\(header\): not valid JSON/],
    ['a wrong byte count', replaced('[2]', '[3]'), /shape \[3\] .* needs 12 bytes, .* span 8/],
    ['a negative size', replaced('[2]', '-21'), /tensor 'w' has no valid shape, got -21/],
    ['negative offsets', replaced('[0,8]', '[8,0]'), /needs 8 bytes, its data_offsets span -8/],
  ])('%s', (_, bytes, message) =>
    withBytes(bytes, (path) => {
      expect(() => new SafetensorsFile(new DiskFile(path))).toThrow(message);
      expect(() => new SafetensorsFile(new DiskFile(path))).toThrow(path);
    }),
  );

  test('a missing file', () =>
    expect(() => new DiskFile('/nowhere/x.safetensors')).toThrow(
      '/nowhere/x.safetensors: cannot be opened (ENOENT: no such file or directory)',
    ));
});

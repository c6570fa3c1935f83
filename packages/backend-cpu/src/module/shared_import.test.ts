import { expect, test } from '@jest/globals';
import { withSharedMemory } from './shared_import.js';

const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const custom = [0, 3, 1, 0x78, 9];
const memoryImport = (flags: number) => [2, 10, 1, 1, 0x65, 1, 0x6d, 2, flags, 1, 0x80, 0x02];

test('sets the shared flag of the memory import, behind other sections too', () => {
  const module = Uint8Array.from([...header, ...custom, ...memoryImport(1)]);
  expect(WebAssembly.validate(module)).toBe(true);
  const shared = withSharedMemory(module);
  expect([...shared]).toEqual([...header, ...custom, ...memoryImport(3)]);
  expect(module[header.length + custom.length + 8]).toBe(1);
  expect(WebAssembly.validate(shared as Uint8Array<ArrayBuffer>)).toBe(true);
});

test('refuses a module without such an import', () => {
  expect(() => withSharedMemory(Uint8Array.from(header))).toThrow(TypeError);
  expect(() => withSharedMemory(Uint8Array.from([...header, ...memoryImport(0)]))).toThrow(
    TypeError,
  );
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readModelConfig } from '../config/config.js';
import { TINY_LLAMA } from '../fixtures.js';
import { Checkpoint } from './checkpoint.js';
import { DiskFiles } from './disk_files.js';
import { MemoryFiles } from './memory_files.js';

const names = ['config.json', 'model.safetensors'];
const inMemory = (change: (bytes: Uint8Array) => Uint8Array = (bytes) => bytes) =>
  new MemoryFiles(
    'tiny',
    new Map(names.map((name) => [name, change(readFileSync(join(TINY_LLAMA, name)))])),
  );

test('a checkpoint in memory is the one on disk', () => {
  const onDisk = new DiskFiles(TINY_LLAMA);
  expect(readModelConfig(inMemory())).toEqual(readModelConfig(onDisk));
  const [a, b] = [Checkpoint.open(inMemory()), Checkpoint.open(onDisk)];
  const norm = 'model.layers.3.input_layernorm.weight';
  expect(a.read(norm, [192])).toEqual(b.read(norm, [192]));
  expect(a.unread()).toEqual(b.unread());
  b.close();
});

test('a file that is missing or cut off is named', () => {
  expect(() => new MemoryFiles('tiny', new Map()).readText('config.json')).toThrow(
    'tiny/config.json: no such file',
  );
  expect(() => Checkpoint.open(inMemory((bytes) => bytes.subarray(0, -1)))).toThrow(
    /tiny\/model.safetensors: .* the file is cut off/,
  );
  const bytes = new Uint8Array(4);
  expect(() => inMemory().open('config.json').read(bytes, 1e6)).toThrow(
    'tiny/config.json: ends before byte 1000004',
  );
});

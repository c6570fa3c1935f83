import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { Checkpoint } from './checkpoint.js';
import { DiskFiles } from './disk_files.js';
import { float32Tensor, safetensorsBytes, withDirectory } from '../temp_checkpoint.js';

const INDEX = 'model.safetensors.index.json';

function writeShards(directory: string, map: Record<string, string>): void {
  writeFileSync(join(directory, INDEX), JSON.stringify({ weight_map: map }));
  for (const [i, name] of ['a', 'b'].entries()) {
    const bytes = safetensorsBytes({ [name]: float32Tensor([1], [i + 1]) });
    writeFileSync(join(directory, `${name}.safetensors`), bytes);
  }
}

test('reads shards by their index', () =>
  withDirectory((directory) => {
    writeShards(directory, { a: 'a.safetensors', b: 'b.safetensors', c: 'b.safetensors' });
    const checkpoint = Checkpoint.open(new DiskFiles(directory));
    expect([...checkpoint.read('a', [1]), ...checkpoint.read('b', [1])]).toEqual([1, 2]);
    expect(() => checkpoint.read('c', [1])).toThrow(
      /b.safetensors: has no tensor 'c', though the index/,
    );
    expect(() => checkpoint.read('d', [1])).toThrow(/index.json: has no tensor 'd'/);
    expect(() => checkpoint.read('b', [1, 2])).toThrow(
      /b.safetensors: tensor 'b' has shape \[1\], config.json asks for \[1, 2\]/,
    );
    checkpoint.close();
  }));

test.each([
  [{ a: 'c.safetensors' }, /c.safetensors: cannot be opened/],
  [{ a: '../a.safetensors' }, /index.json: shard '..\/a.safetensors' must be a file of the same/],
  [{ a: 3 }, /index.json: weight_map: a must be a string, got 3/],
])('refuses the index %j', (map, message) =>
  withDirectory((directory) => {
    mkdirSync(join(directory, 'in'));
    writeShards(join(directory, 'in'), map as Record<string, string>);
    expect(() => Checkpoint.open(new DiskFiles(join(directory, 'in')))).toThrow(message);
  }),
);

test('a directory without weights is refused by the name of the usual file', () =>
  withDirectory((directory) =>
    expect(() => Checkpoint.open(new DiskFiles(directory))).toThrow(
      join(directory, 'model.safetensors'),
    ),
  ));

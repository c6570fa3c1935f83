import { expect, test } from '@jest/globals';
import { aCell } from './fixtures.js';
import type { Cell } from './grid.js';
import { growthOf } from './linear.js';
import { makeRow } from './rows.js';

const machine = {
  cpu: 'a cpu',
  cores: 2,
  arch: 'x64',
  node: '20',
  v8: '11',
  threads: 1,
  clock: 'wall' as const,
};
const row = (cell: Cell, ms: number) =>
  makeRow(
    cell,
    {
      backend: 'cpu',
      wasm: 'simd',
      strategy: 'FUSED',
      dtype: 'float32',
      timing: { ms, minMs: ms, samples: 1 },
      error: 0,
      tolerance: 1,
    },
    [],
    machine,
  );
const decode = (seqLen: number) => aCell({ group: 'decode', queryLen: 1, seqLen });

test('fits decode and window kernels from 1024 keys on, nothing else', () => {
  const rows = [
    ...[128, 1024, 4096, 16384].map((length) =>
      row(decode(length), length === 128 ? 99 : length / 1000),
    ),
    ...[1024, 2048, 4096].map((length) =>
      row(aCell({ group: 'window', seqLen: length, queryLen: length, slidingWindow: 256 }), length),
    ),
    ...[1024, 2048, 4096].map((length) => row(aCell({ seqLen: length, queryLen: length }), 1)),
  ];
  const growth = growthOf(rows);
  expect(growth.map(({ label }) => label)).toEqual([
    'decode 8/8x64 float32 cpu simd',
    'window 256 8/8x64 float32 cpu simd',
  ]);
  for (const { exponent, points } of growth) {
    expect(exponent).toBeCloseTo(1);
    expect(points).toHaveLength(3);
  }
});

test('two lengths make no curve', () => {
  expect(growthOf([row(decode(1024), 1), row(decode(4096), 4)])).toEqual([]);
});

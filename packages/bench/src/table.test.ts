import { expect, test } from '@jest/globals';
import { aCell } from './fixtures.js';
import { makeRow, type PeerResult } from './rows.js';
import { absenceNotes, cacheTypeLines, significant, summaryLines, Table } from './table.js';

const machine = {
  cpu: 'a cpu',
  cores: 2,
  arch: 'x64',
  node: '20',
  v8: '11',
  threads: 1,
  clock: 'wall' as const,
};
const peers: PeerResult[] = [
  {
    family: 'tfjs-wasm',
    variant: 'per head',
    outcome: { kind: 'timed', timing: { ms: 5, minMs: 5, samples: 3 }, error: 0 },
  },
  { family: 'onnxruntime-web', variant: 'MHA', outcome: { kind: 'wrong', error: 1 } },
  { family: 'tfjs-cpu', variant: '', outcome: { kind: 'left out', reason: 'about 9.0 s a run' } },
];
const rows = [2, 4].map((ms, i) =>
  makeRow(
    aCell({ name: `causal S=${128 * (i + 1)} 8x64` }),
    {
      backend: 'wasm',
      wasm: 'relaxed',
      strategy: 'FUSED',
      dtype: 'float32',
      timing: { ms, minMs: ms, samples: 3 },
      error: 0,
      tolerance: 1,
      ceilingRate: 16.777216,
    },
    peers,
    machine,
  ),
);

test('a line holds kernel, rate, share and each peer; lines are as wide as the header', () => {
  const table = new Table(['tfjs-cpu', 'tfjs-wasm', 'onnxruntime-web']);
  const line = table.line(rows[0]);
  expect(line.split(/\s{2,}/)).toEqual([
    'causal S=128 8x64',
    'wasm relaxed',
    '2',
    '8.39 GFLOP/s',
    '50 %',
    '-',
    '2.5x',
    'wrong',
  ]);
  expect(line).toHaveLength(table.header().length);
});

test('a composed kernel is marked as such', () => {
  expect(new Table([]).line({ ...rows[0], strategy: 'COMPOSED' })).toContain('COMPOSED');
});

test('notes give each reason once', () => {
  expect(absenceNotes(rows)).toEqual([
    'onnxruntime-web MHA: wrong: error 1.0e+0 (2 cells)',
    'tfjs-cpu: too slow to wait for (2 cells)',
  ]);
});

test('the summary gives worst and median', () => {
  expect(summaryLines(rows)).toEqual([
    'causal wasm relaxed: ceiling 25 / 37.5 %, tfjs-wasm 1.25 / 1.88 x',
  ]);
});

test('cache types are held against float32 of the same kernel', () => {
  const stored = { ...rows[0], dtype: 'int8' as const, ms: 1 };
  expect(cacheTypeLines([...rows, stored, { ...stored, wasm: 'simd' }])).toEqual([
    'causal S=128 8x64 wasm relaxed: int8 2x',
  ]);
});

test.each([
  [1234.5, '1235'],
  [12.345, '12.3'],
  [0.012345, '0.0123'],
])('significant(%d)', (value, text) => {
  expect(significant(value)).toBe(text);
});

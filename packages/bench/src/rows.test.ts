import { expect, test } from '@jest/globals';
import { aCell } from './fixtures.js';
import type { Machine } from './machine.js';
import { makeRow, rowsText, type OwnResult, type PeerResult } from './rows.js';

const machine: Machine = {
  cpu: 'a cpu',
  cores: 2,
  arch: 'x64',
  node: '20',
  v8: '11',
  threads: 1,
  clock: 'wall' as const,
};
const own: OwnResult = {
  backend: 'wasm',
  wasm: 'simd',
  strategy: 'FUSED',
  dtype: 'float32',
  timing: { ms: 2, minMs: 1, samples: 5 },
  error: 1e-7,
  tolerance: 3e-7,
  ceilingRate: 67.108864,
};
const timed = (family: string, variant: string, ms: number): PeerResult => ({
  family,
  variant,
  outcome: { kind: 'timed', timing: { ms, minMs: ms - 1, samples: 3 }, error: 0 },
});

test('a row holds the rate, its share of the ceiling and the best variant of each peer', () => {
  const peers = [
    timed('onnxruntime-web', 'MHA', 8),
    timed('onnxruntime-web', 'Attention-23', 6),
    timed('onnxruntime-web', 'GQA', 60),
    timed('tfjs-cpu', '', 200),
  ];
  const row = makeRow(aCell({ group: 'full', causal: false }), own, peers, machine);
  expect(row).toMatchObject({
    op: 'flashAttention',
    dtype: 'float32',
    shape: { batch: 1, queryLen: 128, seqLen: 128, numHeads: 8, numKvHeads: 8, headSize: 64 },
    backend: 'wasm',
    ms: 2,
    gflops: 16.777216,
    ceiling: { share: 0.5 },
  });
  expect(row.peers).toEqual({
    'onnxruntime-web': {
      ms: 6,
      minMs: 5,
      ratio: 3,
      variant: 'Attention-23',
      variants: { MHA: 8, 'Attention-23': 6, GQA: 60 },
    },
    'tfjs-cpu': { ms: 200, minMs: 199, ratio: 100 },
  });
});

test('a wrong peer is reported as wrong and has no time', () => {
  const peers: PeerResult[] = [
    { family: 'tfjs-wasm', variant: 'batched', outcome: { kind: 'wrong', error: 0.5 } },
    { family: 'tfjs-cpu', variant: '', outcome: { kind: 'left out', reason: 'about 9.0 s a run' } },
  ];
  const row = makeRow(aCell(), own, peers, machine);
  expect(row.peers).toEqual({});
  expect(row.absentPeers).toEqual({
    'tfjs-wasm batched': 'wrong: error 5.0e-1',
    'tfjs-cpu': 'about 9.0 s a run',
  });
});

test('decode rows say GB/s of the cache type and the block size', () => {
  const cell = aCell({ group: 'decode', queryLen: 1, seqLen: 1000 });
  const row = makeRow(cell, { ...own, dtype: 'int8' }, [], machine);
  expect(row).toMatchObject({
    op: 'reshapeAndCache + pagedAttention',
    dtype: 'int8',
    gbps: (2 * 1000 * 8 * 64) / 2e6,
    shape: { blockSize: 16 },
  });
  expect(row).not.toHaveProperty('gflops');
});

test('the JSON text is an array with one row a line', () => {
  const row = makeRow(aCell(), own, [], machine);
  const text = rowsText([row, row]);
  expect(JSON.parse(text)).toEqual([row, row]);
  expect(text.trim().split('\n')).toHaveLength(4);
});

import { expect, test } from '@jest/globals';
import { calibrate, shortened } from './calibrate.js';
import { aCell } from './fixtures.js';
import type { Cell } from './grid.js';
import { Pace } from './pace.js';

const long = aCell({ seqLen: 4096, queryLen: 4096 });

function countingPeer() {
  const cells: Cell[] = [];
  const run = () => {
    for (const end = performance.now() + 1; performance.now() < end;);
  };
  const row = () => new Float32Array();
  const prepare = (cell: Cell) => {
    cells.push(cell);
    return { run, row, dispose: () => undefined };
  };
  return { cells, peer: { family: 'peer', variant: '', unfit: () => null, prepare } };
}

test.each([
  ['causal' as const, 4096, 512],
  ['causal' as const, 1024, 256],
  ['causal' as const, 300, 128],
  ['decode' as const, 65536, 4096],
  ['decode' as const, 4096, 1024],
])('%s of %d tokens is tried on %d', (group, seqLen, short) => {
  const queryLen = group === 'decode' ? 1 : seqLen;
  expect(shortened(aCell({ group, seqLen, queryLen }))).toMatchObject({
    seqLen: short,
    queryLen: group === 'decode' ? 1 : short,
    headSize: 64,
  });
});

test('short cells need no trial', () => {
  expect(shortened(aCell())).toBeUndefined();
});

test('learns the pace of an unknown peer once, from a short cell', async () => {
  const { cells, peer } = countingPeer();
  const pace = new Pace();
  await calibrate(peer, long, pace, 'wall');
  await calibrate(peer, long, pace, 'wall');
  expect(cells.map(({ seqLen }) => seqLen)).toEqual([512]);
  // At least 1 ms for 512 tokens is at least 64 ms for 8 times as many.
  expect(pace.foretell('peer', long)).toBeGreaterThanOrEqual(64);
});

test('a peer that fails on the short cell is left to fail on its own', async () => {
  const pace = new Pace();
  const prepare = () => {
    throw new Error('no');
  };
  await calibrate({ ...countingPeer().peer, prepare }, long, pace, 'wall');
  expect(pace.foretell('peer', long)).toBeUndefined();
});

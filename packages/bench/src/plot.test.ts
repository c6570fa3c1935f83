import { expect, test } from '@jest/globals';
import { aCell } from './fixtures.js';
import { growthOf } from './linear.js';
import { plotSvg, pointsOf } from './plot.js';
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
const rows = [1024, 2048, 4096].flatMap((seqLen) =>
  [
    aCell({ name: `full S=${seqLen} 8x64`, seqLen, queryLen: seqLen, causal: false }),
    aCell({ name: `decode S=${seqLen} 8x64`, group: 'decode' as const, seqLen, queryLen: 1 }),
  ].flatMap((cell) =>
    (['relaxed', 'simd'] as const).map((wasm) =>
      makeRow(
        cell,
        {
          backend: 'wasm',
          wasm,
          strategy: 'FUSED',
          dtype: 'float32',
          timing: { ms: seqLen / 1000, minMs: 1, samples: 3 },
          error: 0,
          tolerance: 1,
        },
        [
          {
            family: 'tfjs-wasm',
            variant: 'batched',
            outcome: { kind: 'timed', timing: { ms: 50, minMs: 50, samples: 3 }, error: 0 },
          },
        ],
        machine,
      ),
    ),
  ),
);

test('a peer has one mark a cell, each module its own', () => {
  const series = pointsOf(rows.slice(0, 2)).map((point) => point.series);
  expect(series.sort()).toEqual(['tfjs-wasm', 'wasm relaxed', 'wasm simd']);
});

test('the plot is an SVG with every series and the fitted exponents', async () => {
  const svg = await plotSvg(rows, growthOf(rows), 'a cpu');
  expect(svg).toMatch(/^<svg[^>]*xmlns/);
  for (const text of ['a cpu', 'tfjs-wasm', 'wasm simd', 'GFLOP/s', 'S^1.00']) {
    expect(svg).toContain(text);
  }
});

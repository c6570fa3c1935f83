import { expect, test } from '@jest/globals';
import { findStockWasm } from '@tfjs-attention/testing/node/stock_wasm';
import { run } from './run.js';

test('the example fuses both layers and says what it gained', async () => {
  findStockWasm();
  const lines: string[] = [];
  await run('packages/converter/fixtures/bert', (line) => lines.push(line));
  const text = lines.join('\n');
  expect(text).toMatch(/^2 fused, 0 skipped, \d+ nodes became \d+\n/);
  expect(text).toContain('fused    transpose_3: scale, bias, transposes\n');
  const difference = /largest difference of an output: (\S+)/.exec(text);
  expect(Number(difference?.[1])).toBeLessThan(1e-4);
  expect(text).toMatch(/whole model at 64 tokens: [\d.]+ ms as it is, [\d.]+ ms fused$/);
});

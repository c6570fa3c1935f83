import { expect, test } from '@jest/globals';
import { roundsOf } from './ours.js';

test('machine code is timed once, WebAssembly once a module', () => {
  expect(roundsOf(['cpu', 'tensorflow', 'wasm'], ['relaxed', 'simd'])).toEqual([
    { backends: ['tensorflow'] },
    { wasm: 'relaxed', backends: ['cpu', 'wasm'] },
    { wasm: 'simd', backends: ['cpu', 'wasm'] },
  ]);
});

test('a kind that was not asked for has no round', () => {
  expect(roundsOf(['tensorflow'], ['simd'])).toEqual([{ backends: ['tensorflow'] }]);
  expect(roundsOf(['wasm'], [])).toEqual([]);
});

import type { Cell } from './grid.js';

/** A causal prefill cell of 8 heads x 128 tokens x 64 for tests, changed where a test says. */
export function aCell(change: Partial<Cell> = {}): Cell {
  return {
    name: 'causal S=128 8x64',
    group: 'causal',
    numHeads: 8,
    numKvHeads: 8,
    headSize: 64,
    queryLen: 128,
    seqLen: 128,
    causal: true,
    kvDtypes: ['float32'],
    patience: 1000,
    ...change,
  };
}

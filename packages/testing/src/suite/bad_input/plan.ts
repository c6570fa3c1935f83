import {
  InvalidArgumentError,
  planAttention,
  type AttentionPlanOptions,
} from '@tfjs-attention/core';
import type { BadCall, World } from './world.js';

/** Valid metadata with some entries exchanged. */
function metadata(
  what: string,
  change: (w: World) => Readonly<Record<string, unknown>>,
  ...says: RegExp[]
): BadCall {
  return {
    what,
    error: InvalidArgumentError,
    says,
    call: (w) => planAttention(w.metadata(change(w))),
  };
}

export const badPlans: readonly BadCall[] = [
  {
    what: 'no metadata',
    error: InvalidArgumentError,
    says: [/metadata must be an object/],
    call: () => planAttention(null as unknown as AttentionPlanOptions),
  },
  metadata('a Tensor for queryStartLoc', (w) => ({ queryStartLoc: w.tensor([3], 'int32') }), /queryStartLoc/, /not a Tensor/),
  metadata('a Tensor for seqLens', (w) => ({ seqLens: w.tensor([2], 'int32') }), /seqLens/, /not a Tensor/),
  metadata('a Tensor for blockTables', (w) => ({ blockTables: w.tensor([2, 2], 'int32') }), /blockTables/, /not a Tensor/),
  metadata('a Tensor for slotMapping', (w) => ({ slotMapping: w.tensor([5], 'int32') }), /slotMapping/, /not a Tensor/),
  metadata('a plain array for seqLens', () => ({ seqLens: [4, 6] }), /seqLens must be an Int32Array/),
  metadata('no seqLens', () => ({ seqLens: undefined }), /seqLens must be an Int32Array/),
  metadata('an empty batch', () => ({ seqLens: new Int32Array(0) }), /batch is empty/),
  metadata('too short a queryStartLoc', () => ({ queryStartLoc: Int32Array.of(0, 5) }), /queryStartLoc must have 3 entries/),
  metadata('a queryStartLoc from 1', () => ({ queryStartLoc: Int32Array.of(1, 4, 5) }), /queryStartLoc\[0\] must be 0, got 1/),
  metadata('a falling queryStartLoc', () => ({ queryStartLoc: Int32Array.of(0, 6, 5) }), /must not fall/, /5 after 6/),
  metadata('no query token', () => ({ queryStartLoc: new Int32Array(3) }), /no query token/),
  metadata('a negative length', () => ({ seqLens: Int32Array.of(4, -6) }), /seqLens\[1\] must be >= 0, got -6/),
  metadata('a ragged flat table', () => ({ blockTables: Int32Array.of(1, 2, 3) }), /blockTables has 3 entries/),
  metadata('an empty flat table', () => ({ blockTables: new Int32Array(0) }), /blockTables has 0 entries/),
  metadata('rows for one sequence of two', () => ({ blockTables: [[1]] }), /2 rows, got 1 rows/),
  metadata('no table', () => ({ blockTables: undefined }), /blockTables must be/, /undefined/),
  metadata('half a block', () => ({ blockTables: [[2], [1.5, 4]] }), /blockTables\[1\]\[0\]/, /1\.5/),
  metadata('a row that is no list', () => ({ blockTables: [[2], 'four'] }), /blockTables\[1\]/, /string/),
  metadata('too few slots', () => ({ slotMapping: Int32Array.of(8) }), /slotMapping must have 5 entries/),
  metadata('duplicate slots', () => ({ slotMapping: Int32Array.of(8, 9, 8, 11, 17) }), /slotMapping\[2\] = 8 occurs twice/),
  metadata('a slot of -2', () => ({ slotMapping: Int32Array.of(8, -2, 10, 11, 17) }), /slotMapping\[1\] = -2/),
  metadata('a Tensor for prefixes', (w) => ({ rswaPrefixLens: w.tensor([2], 'int32') }), /rswaPrefixLens/, /not a Tensor/),
  metadata('too few prefixes', () => ({ rswaPrefixLens: Int32Array.of(1) }), /rswaPrefixLens must have 2 entries/),
  metadata('a negative prefix', () => ({ rswaPrefixLens: Int32Array.of(1, -1) }), /rswaPrefixLens\[1\]/, /got -1/),
  metadata('ranges for one sequence of two', () => ({ mmPrefixRanges: [[[0, 3]]] }), /mmPrefixRanges must be 2 lists/),
  metadata('a Tensor for ranges', (w) => ({ mmPrefixRanges: w.tensor([2, 1, 2], 'int32') }), /mmPrefixRanges must be 2 lists/, /object/),
  metadata('ranges that are no list', () => ({ mmPrefixRanges: [[], 3] }), /mmPrefixRanges\[1\] must be a list/, /number/),
  metadata('a range of one number', () => ({ mmPrefixRanges: [[], [[3]]] }), /mmPrefixRanges\[1\]\[0\]/, /\[3\]/),
  metadata('half a range end', () => ({ mmPrefixRanges: [[[0, 1.5]], []] }), /mmPrefixRanges\[0\]\[0\]\[1\]/, /1\.5/),
  metadata('a range before 0', () => ({ mmPrefixRanges: [[[-1, 2]], []] }), /mmPrefixRanges\[0\]\[0\]\[0\]/, /-1/),
  metadata('a range that ends before it begins', () => ({ mmPrefixRanges: [[[2, 1]], []] }), /\[2, 1\] ends before/),
  metadata('ranges that overlap', () => ({ mmPrefixRanges: [[[0, 2], [2, 3]], []] }), /\[2, 3\] begins at or before 2/, /join/),
  metadata('ranges out of order', () => ({ mmPrefixRanges: [[[4, 5], [0, 1]], []] }), /\[0, 1\] begins at or before 5/),
  metadata('too few causal flags', () => ({ causal: [true] }), /causal must have 2 entries/),
  metadata('text for causal', () => ({ causal: 'yes' }), /causal must be a boolean/, /string/),
  metadata('a Tensor for causal', (w) => ({ causal: w.tensor([2], 'bool') }), /causal must be a boolean/, /object/),
  metadata('a causal flag of 2', () => ({ causal: Uint8Array.of(1, 2) }), /causal\[1\]/, /got 2/),
  metadata('half a queryOffset', () => ({ queryOffset: 1.5 }), /queryOffset/, /1\.5/),
  metadata('too few queryOffsets', () => ({ queryOffset: Int32Array.of(1) }), /queryOffset must have 2 entries/),
]; // prettier-ignore

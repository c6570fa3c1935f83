import { expect, test } from '@jest/globals';
import { TritonAttentionMetadata } from '../backends/strategies/triton_attn.js';
import { computeCausalConv1dMetadata } from './causal_conv1d.js';
import { subclassAttentionMetadata } from './subclass_metadata.js';

test('chunks of sequences of 0, 1, 8 and 9 tokens', () => {
  const { numChunks, sequences, chunks } = computeCausalConv1dMetadata(
    Int32Array.of(0, 0, 1, 9, 18),
  );
  expect([...numChunks]).toEqual([0, 1, 1, 2]);
  expect([...sequences]).toEqual([1, 2, 3, 3]);
  expect([...chunks]).toEqual([0, 0, 0, 1]);
});

test('falling prefix sums are refused', () => {
  expect(() => computeCausalConv1dMetadata(Int32Array.of(0, 3, 2))).toThrow(/must not fall/);
  expect(() => computeCausalConv1dMetadata(Int32Array.of(0, 3), 0)).toThrow(/chunkSize/);
});

test('a metadata class with a field more', () => {
  const Derived = subclassAttentionMetadata('Trimmed', TritonAttentionMetadata, { kept: 3 });
  expect(Derived.name).toBe('TrimmedTritonAttentionMetadata');
  const one = Object.create(Derived.prototype as object) as { kept: number };
  const two = Object.create(Derived.prototype as object) as { kept: number };
  expect(one).toBeInstanceOf(TritonAttentionMetadata);
  one.kept = 5;
  expect([one.kept, two.kept]).toEqual([5, 3]);
});

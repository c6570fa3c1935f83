import { expect, test } from '@jest/globals';
import { DPMetadata } from './dp_metadata.js';
import { InvalidArgumentError } from './errors.js';

const tokens = Int32Array.of(5, 12, 0);

test('the largest rank, and running sums', () => {
  const metadata = DPMetadata.make(1, 12, tokens);
  expect(metadata.maxTokensAcrossDp).toBe(12);
  expect(Array.from(metadata.cuTokensAcrossSp(1))).toEqual([5, 17, 17]);
  expect(Array.from(metadata.cuTokensAcrossSp(2))).toEqual([3, 6, 12, 18, 18, 18]);
});

test('sizes hold within their scope', () => {
  const metadata = new DPMetadata(tokens);
  const sizes = () => metadata.getChunkSizesAcrossDpRank();
  expect(sizes()).toBeNull();
  metadata.spLocalSizes(2, () => {
    expect(sizes()).toEqual([3, 3, 6, 6, 0, 0]);
    expect(metadata.chunkedSizes(1, 4, 0, sizes)).toEqual([4, 4, 1]);
    expect(metadata.chunkedSizes(1, 4, 1, sizes)).toEqual([1, 4, 1]);
    expect(metadata.chunkedSizes(1, 4, 2, sizes)).toEqual([1, 4, 1]);
    expect(sizes()).toEqual([3, 3, 6, 6, 0, 0]);
  });
  const broken = () =>
    metadata.spLocalSizes(1, () => {
      throw new Error('inside');
    });
  expect(broken).toThrow('inside');
  expect(sizes()).toBeNull();
});

test('bad numbers are named', () => {
  expect(() => DPMetadata.make(0, 6, tokens)).toThrow(InvalidArgumentError);
  expect(() => DPMetadata.make(0, 6, tokens)).toThrow(/rank 0 has 6 tokens, .* says 5/);
  expect(() => new DPMetadata(Int32Array.of())).toThrow(/at least one rank/);
  expect(() => new DPMetadata(Int32Array.of(-1))).toThrow(/rank 0 .*-1/);
  expect(() => new DPMetadata(tokens).cuTokensAcrossSp(0)).toThrow(/got 0/);
});

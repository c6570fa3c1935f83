import { expect, test } from '@jest/globals';
import type { VllmConfig } from '../../config.js';
import { InvalidArgumentError, UnsupportedError } from '../../errors.js';
import {
  ChunkedLocalAttentionSpec,
  CrossAttentionSpec,
  EncoderOnlyAttentionSpec,
  FullAttentionSpec,
  MambaSpec,
  MLAAttentionSpec,
  RSWASpec,
  SinkFullAttentionSpec,
  SlidingWindowSpec,
  UniformTypeKVCacheSpecs,
  type KvCacheSpec,
} from '../spec.js';

const geometry = { blockSize: 16, numKvHeads: 2, headSize: 64, dtype: 'float16' as const };
const PAGE = 2 * 16 * 2 * 64 * 2;
const config = (changes: Partial<VllmConfig> = {}): VllmConfig => ({
  cacheConfig: { blockSize: 16, cacheDtype: 'auto' },
  modelConfig: { maxModelLen: 1000, dtype: 'float32' },
  schedulerConfig: { maxNumBatchedTokens: 128, maxNumSeqs: 8, maxNumEncoderInputTokens: 33 },
  ...changes,
});
const full = new FullAttentionSpec(geometry);
const mamba = { blockSize: 100, shapes: [[3, 8], [4]], dtypes: ['float32', 'bfloat16'] as const }; // prettier-ignore

test.each<[string, KvCacheSpec, number, number]>([
  ['full', full, PAGE, 63],
  ['window', new SlidingWindowSpec({ ...geometry, slidingWindow: 100 }), PAGE, 15 + 1],
  ['window as long as all', new SlidingWindowSpec({ ...geometry, slidingWindow: 999 }), PAGE, 64],
  ['chunk', new ChunkedLocalAttentionSpec({ ...geometry, attentionChunkSize: 64 }), PAGE, 12],
  ['encoder only', new EncoderOnlyAttentionSpec(geometry), PAGE, 0],
  ['cross', new CrossAttentionSpec(geometry), PAGE, 3],
  ['sinks', new SinkFullAttentionSpec({ ...geometry, sinkLen: 32 }), PAGE, 63],
  ['other values', new FullAttentionSpec({ ...geometry, valueHeadSize: 32 }), (PAGE * 3) / 4, 63],
  ['padded', new FullAttentionSpec({ ...geometry, pageSizePadded: PAGE + 5 }), PAGE + 5, 63],
  ['latent', new MLAAttentionSpec({ ...geometry, numKvHeads: 1, headSize: 576, valueHeadSize: 512 }), 16 * 576 * 2, 63], // prettier-ignore
  ['packed latent', new MLAAttentionSpec({ ...geometry, numKvHeads: 1, headSize: 576, cacheDtypeStr: 'fp8_ds_mla' }), 16 * 656, 63], // prettier-ignore
  ['recurrent', new MambaSpec(mamba), 24 * 4 + 4 * 2, 10],
  ['recurrent, padded', new MambaSpec({ ...mamba, pageSizePadded: 128 }), 128, 10],
])('%s: a page of %#', (_name, spec, page, numPages) => {
  expect(spec.pageSizeBytes()).toBe(page);
  expect(spec.maxMemoryUsageBytes(config())).toBe(numPages * page);
});

test('several ranks share a request, but not a window', () => {
  const ranks = config({ parallelConfig: { decodeContextParallelSize: 4 } });
  expect(full.maxMemoryUsageBytes(ranks)).toBe(16 * PAGE);
  const window = new SlidingWindowSpec({ ...geometry, slidingWindow: 100 });
  expect(() => window.maxMemoryUsageBytes(ranks)).toThrow(/decodeContextParallelSize must be 1/);
});

test('what a spec needs and does not get', () => {
  const short = { schedulerConfig: { maxNumBatchedTokens: 1, maxNumSeqs: 1 } };
  expect(() => new CrossAttentionSpec(geometry).maxMemoryUsageBytes(config(short))).toThrow(
    /maxNumEncoderInputTokens/,
  );
  expect(() => new MambaSpec({ ...mamba, pageSizePadded: 103 })).toThrow(
    /103 is less than the 104/,
  );
  expect(() => new MambaSpec({ ...mamba, dtypes: [] })).toThrow(/one entry a state/);
  expect(() => new SinkFullAttentionSpec({ ...geometry, sinkLen: 17 })).toThrow(/multiple/);
  expect(() => new RSWASpec({ ...geometry, rswaWindow: 0 })).toThrow(/rswaWindow/);
  const tight = new FullAttentionSpec({ ...geometry, pageSizePadded: 1 });
  expect(() => tight.pageSizeBytes()).toThrow(/less than the 8192 bytes/);
});

test('equal specs merge, others do not', () => {
  const merged = FullAttentionSpec.merge([full, new FullAttentionSpec(geometry)]);
  expect(merged.equals(full)).toBe(true);
  const wide = new FullAttentionSpec({ ...geometry, headSize: 128 });
  expect(() => FullAttentionSpec.merge([full, wide])).toThrow(InvalidArgumentError);
  const window = (slidingWindow: number) => new SlidingWindowSpec({ ...geometry, slidingWindow });
  expect(SlidingWindowSpec.merge([window(4), window(4)])).toEqual(window(4));
  expect(() => SlidingWindowSpec.merge([window(4), window(8)])).toThrow(/must be equal/);
  expect(() => FullAttentionSpec.merge([full, window(4)])).toThrow(/is no FullAttentionSpec/);
  expect(() => FullAttentionSpec.merge([])).toThrow(/no spec to merge/);
});

test('layers that keep all keys may have one window or one chunk among them', () => {
  const windowed = new FullAttentionSpec({ ...geometry, slidingWindow: 8 });
  const chunked = new FullAttentionSpec({ ...geometry, attentionChunkSize: 8 });
  const other = new FullAttentionSpec({ ...geometry, slidingWindow: 9 });
  expect(FullAttentionSpec.merge([full, windowed, windowed])).toEqual(windowed);
  expect(FullAttentionSpec.merge([chunked, full])).toEqual(chunked);
  expect(() => FullAttentionSpec.merge([windowed, other])).toThrow(/one window size, got 8 and 9/);
  expect(() => FullAttentionSpec.merge([windowed, chunked])).toThrow(
    /both a window .* and a chunk/,
  );
});

test('another block size leaves the rest', () => {
  const window = new SlidingWindowSpec({ ...geometry, slidingWindow: 8 });
  expect(window.copyWithNewBlockSize(32)).toEqual(
    new SlidingWindowSpec({ ...geometry, blockSize: 32, slidingWindow: 8 }),
  );
});

test('layers of one kind and several sizes count together', () => {
  const wide = new FullAttentionSpec({ ...geometry, headSize: 128 });
  const both = UniformTypeKVCacheSpecs.fromSpecs({ a: full, b: wide });
  expect(both?.pageSizeBytes()).toBe(3 * PAGE);
  expect(both?.maxMemoryUsageBytes(config())).toBe(63 * 3 * PAGE);
  expect(both?.maxBlocksPerSeq(17)).toBe(2);
});

const window = (slidingWindow: number) => new SlidingWindowSpec({ ...geometry, slidingWindow });
const chunk = (attentionChunkSize: number) =>
  new ChunkedLocalAttentionSpec({ ...geometry, attentionChunkSize });

test.each<[string, KvCacheSpec, KvCacheSpec, boolean]>([
  ['windows of one size', window(4), window(4), true],
  ['windows of two sizes', window(4), window(5), false],
  ['chunks of one size', chunk(4), chunk(4), true],
  ['chunks of two sizes', chunk(4), chunk(5), false],
  ['full and window', full, window(4), false],
  ['two block sizes', full, full.copyWithNewBlockSize(8), false],
  ['full and sinks', full, new SinkFullAttentionSpec({ ...geometry, sinkLen: 16 }), false],
  ['recurrent', new MambaSpec(mamba), new MambaSpec({ ...mamba, shapes: [[1], [1]] }), true],
  ['recurrent, drafting', new MambaSpec(mamba), new MambaSpec({ ...mamba, numSpeculativeBlocks: 1 }), false], // prettier-ignore
])('%s share a block table: %#', (_name, a, b, expected) => {
  expect(UniformTypeKVCacheSpecs.isUniformType({ a, b })).toBe(expected);
  expect(UniformTypeKVCacheSpecs.fromSpecs({ a, b }) === null).toBe(!expected);
});

test('layers that keep nothing have no kind', () => {
  const none = new EncoderOnlyAttentionSpec(geometry);
  expect(() => UniformTypeKVCacheSpecs.isUniformType({ none })).toThrow(UnsupportedError);
  expect(UniformTypeKVCacheSpecs.isUniformType({})).toBe(false);
});

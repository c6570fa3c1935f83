import { expect, test } from '@jest/globals';
import '@tensorflow/tfjs-backend-cpu';
import { AttentionMetadata } from '../backends/metadata.js';
import {
  FlashAttentionMetadata,
  FlashAttentionMetadataBuilder,
} from '../backends/strategies/flash_attn_metadata.js';
import type { VllmConfig } from '../config.js';
import { UnsupportedError } from '../errors.js';
import { BlockTable } from '../kv_cache/block_table.js';
import { FullAttentionSpec } from '../kv_cache/spec.js';
import { AttentionCGSupport, AttentionMetadataBuilder } from './builder.js';
import { CommonAttentionMetadata } from './common_attention_metadata.js';
import { makeCommon, startsOf } from './fixtures.js';

const kvCacheSpec = new FullAttentionSpec({ blockSize: 16, numKvHeads: 1, headSize: 8 });
const vllmConfig: VllmConfig = {
  cacheConfig: { blockSize: 16, cacheDtype: 'auto' },
  modelConfig: { maxModelLen: 4096, dtype: 'float32' },
  schedulerConfig: { maxNumBatchedTokens: 4096, maxNumSeqs: 256 },
};

class Built extends AttentionMetadata {
  constructor(readonly args: readonly unknown[]) {
    super();
  }
}

class PlainBuilder extends AttentionMetadataBuilder<Built> {
  override build(...args: [number, CommonAttentionMetadata, boolean?]): Built {
    return new Built(args);
  }

  threshold(...args: [number?, boolean?]): number | null {
    this.initReorderBatchThreshold(...args);
    return this.reorderBatchThreshold;
  }
}

const plain = (config = vllmConfig) => new PlainBuilder(kvCacheSpec, ['layer'], config);

test('what a builder is asked for comes down to build', () => {
  const common = makeCommon([1], [5]);
  expect(plain().buildForCudagraphCapture(common).args).toEqual([0, common]);
  expect(plain().buildForDrafting(common, 2).args).toEqual([0, common, true]);
});

test('defaults wish for nothing', () => {
  const builder = plain();
  expect(builder.reorderBatchThreshold).toBeNull();
  expect(PlainBuilder.getCudagraphSupport(vllmConfig, kvCacheSpec)).toBe(AttentionCGSupport.NEVER);
  expect(
    builder.useCascadeAttention({
      commonPrefixLen: 10_000,
      queryLens: new Int32Array(100).fill(1),
      numQueryHeads: 8,
      numKvHeads: 1,
      useAlibi: false,
      useSlidingWindow: false,
      useLocalAttention: false,
      numSms: 1,
    }),
  ).toBe(false);
  expect(() => builder.updateBlockTable(new Built([]), new Int32Array(), new Int32Array())).toThrow(
    UnsupportedError,
  );
});

test('proposed tokens raise the threshold of those who take them as a decode', () => {
  const speculating = plain({ ...vllmConfig, speculativeConfig: { numSpeculativeTokens: 3 } });
  expect(speculating.threshold()).toBe(1);
  expect(speculating.threshold(1, true)).toBe(4);
  expect(speculating.threshold(8, true)).toBe(8);
  expect(plain().threshold(1, true)).toBe(1);
});

test('support is ordered, so that of several groups the least counts', () => {
  const { ALWAYS, UNIFORM_BATCH, UNIFORM_SINGLE_TOKEN_DECODE, NEVER } = AttentionCGSupport;
  expect([ALWAYS, UNIFORM_BATCH, UNIFORM_SINGLE_TOKEN_DECODE, NEVER]).toEqual([3, 2, 1, 0]);
});

test.each([
  ['decode', 1],
  ['decode, one of them in a prefill of 512 tokens', 512],
])('metadata for 256 sequences that %s are there at once', (_name, longest) => {
  const [numSeqs, seqLen] = [256, 1024];
  const queryLens = Array.from({ length: numSeqs }, (_, r) => (r < numSeqs - 1 ? 1 : longest));
  const numTokens = numSeqs - 1 + longest;
  const table = new BlockTable({
    blockSize: 16,
    maxNumReqs: numSeqs,
    maxNumBlocksPerReq: seqLen / 16,
    maxNumBatchedTokens: numTokens,
  });
  const ids = Array.from({ length: seqLen / 16 }, (_, i) => 1 + i);
  for (let r = 0; r < numSeqs; r++) table.addRow(ids.map((id) => id + r * ids.length), r); // prettier-ignore
  const queryStartLoc = startsOf(queryLens);
  const rows = queryLens.flatMap((length, r) => Array<number>(length).fill(r));
  const positions = rows.map((r, t) => seqLen - queryStartLoc[r + 1] + t);
  table.computeSlotMapping(rows, positions);
  const seqLens = new Int32Array(numSeqs).fill(seqLen);
  const builder = new FlashAttentionMetadataBuilder(kvCacheSpec, ['layer'], vllmConfig);
  const blockTable = table.commitBlockTable(numSeqs);
  const slotMapping = table.commitSlotMapping(numTokens);
  const step = () => {
    const batch = { queryStartLoc, seqLens, blockTable, slotMapping };
    return builder.build(0, new CommonAttentionMetadata(batch));
  };
  expect(step()).toBeInstanceOf(FlashAttentionMetadata);
  // Other work may share the machine, so the fastest step counts. Jest's sandbox looks globals up slowly: what takes
  // 0.03 ms in Node takes five times as long here, hence the margin over the 0.2 ms that are promised.
  const times = Array.from({ length: 1000 }, () => {
    const start = performance.now();
    step();
    return performance.now() - start;
  });
  expect(Math.min(...times)).toBeLessThan(0.6);
});

import { describe, expect, test } from '@jest/globals';
import type { VllmConfig } from '../../config.js';
import { InvalidArgumentError } from '../../errors.js';
import { FullAttentionSpec } from '../../kv_cache/spec.js';
import { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { subclassAttentionBuilder } from '../../metadata/subclass_backend.js';
import { AttentionPlan } from '../../utils/plan_attention.js';
import type { AttentionBackendEnum } from '../names.js';
import { backendToClass } from '../registry.js';
import type { FlashAttentionMetadata } from './flash_attn_metadata.js';
import type { FlashInferMetadata } from './flashinfer_metadata.js';
import { physicalToLogicalMapping } from './flex_attention_metadata.js';
import type { PagedAttentionMetadata } from './paged_metadata.js';
import { SplitAttentionMetadata } from './split_metadata.js';
import type { TreeAttentionMetadata } from './tree_attn_metadata.js';

const BLOCK = 16;
const config: VllmConfig = {
  cacheConfig: { blockSize: BLOCK, cacheDtype: 'auto' },
  modelConfig: { maxModelLen: 128, dtype: 'float32' },
  schedulerConfig: { maxNumBatchedTokens: 64, maxNumSeqs: 8 },
};

/** Sequence b has blocks 10 b + 1, 10 b + 2, ... */
function common(
  queryLens: readonly number[],
  seqLens: readonly number[],
  changes: Partial<ConstructorParameters<typeof CommonAttentionMetadata>[0]> = {},
): CommonAttentionMetadata {
  const starts = [0];
  queryLens.forEach((length) => starts.push(starts[starts.length - 1] + length));
  const width = 8;
  return new CommonAttentionMetadata({
    queryStartLoc: Int32Array.from(starts),
    seqLens: Int32Array.from(seqLens),
    blockTable: Int32Array.from(
      seqLens.flatMap((_, b) => Array.from({ length: width }, (_, i) => 10 * b + i + 1)),
    ),
    slotMapping: new Int32Array(starts[starts.length - 1]).fill(-1),
    ...changes,
  });
}

function builder(
  name: AttentionBackendEnum,
  changes: Partial<VllmConfig> = {},
  layers: string[] = [],
) {
  const spec = new FullAttentionSpec({ blockSize: BLOCK, numKvHeads: 1, headSize: 64 });
  return new (backendToClass(name).getBuilderCls())(spec, layers, { ...config, ...changes });
}

describe('every builder', () => {
  const names = ['FUSED', 'COMPOSED', 'FLASH_ATTN', 'TRITON_ATTN', 'FLASHINFER', 'FLEX_ATTENTION', 'TREE_ATTN', 'TORCH_SDPA', 'XFORMERS'] as const; // prettier-ignore

  test.each(names)('%s makes a plan of its own class, padding left out', (name) => {
    const padded = common([1, 3, 0], [20, 7, 0], { numReqs: 2 });
    const metadata = builder(name).build(0, padded) as PagedAttentionMetadata;
    expect(metadata).toBeInstanceOf(backendToClass(name).getMetadataCls());
    expect(metadata).toBeInstanceOf(AttentionPlan);
    expect(metadata).toMatchObject({ numActualTokens: 4, maxQueryLen: 3, maxSeqLen: 20, causal: true }); // prettier-ignore
    expect(metadata.blockTable).toBe(metadata.blockTables);
    metadata.dispose();
    expect(metadata.isDisposed).toBe(true);
  });

  test.each(names)('%s rereads its metadata class through makeMetadata', (name) => {
    const backend = backendToClass(name);
    const options = {
      queryStartLoc: Int32Array.of(0, 1),
      seqLens: Int32Array.of(3),
      blockTables: [[1]],
      blockSize: BLOCK,
    };
    expect(backend.makeMetadata(options)).toBeInstanceOf(backend.getMetadataCls());
  });

  test.each(['FLASHINFER', 'TREE_ATTN', 'XFORMERS'] as const)('%s refuses steps that are not causal', (name) => {
    const build = () => builder(name).build(0, common([2], [2], { causal: false }));
    expect(build).toThrow(/non-causal attention not supported.*FLASH_ATTN/);
  }); // prettier-ignore
});

describe('decodes and prefills apart', () => {
  const step = common([1, 1, 4, 2], [20, 5, 4, 33], {
    mmPrefixRanges: [[], [[0, 2]], [[1, 3]], [[0, 1], [5, 9]]],
    rswaPrefixLens: Int32Array.of(1, 2, 3, 4),
  }); // prettier-ignore

  test('the parts are steps of their own', () => {
    const metadata = builder('XFORMERS').build(0, step) as SplitAttentionMetadata;
    expect(metadata).toMatchObject({
      numDecodes: 2,
      numDecodeTokens: 2,
      numPrefills: 2,
      numPrefillTokens: 6,
    });
    const { decodeMetadata, prefillMetadata } = metadata;
    expect(decodeMetadata?.maxQueryLen).toBe(1);
    expect(Array.from(prefillMetadata?.queryStartLoc ?? [])).toEqual([0, 4, 6]);
    expect(Array.from(prefillMetadata?.seqLens ?? [])).toEqual([4, 33]);
    expect(Array.from(prefillMetadata?.blockTable ?? []).slice(0, 3)).toEqual([21, 22, 23]);
    expect(Array.from(prefillMetadata?.rswaPrefixLens ?? [])).toEqual([3, 4]);
    const whole = builder('TRITON_ATTN').build(0, step) as PagedAttentionMetadata;
    expect(whole.mmRanges?.length).toBeGreaterThan(0);
    expect(Array.from(prefillMetadata?.mmRanges ?? [])).toEqual([3, 5, 9, 1, 3, 0, 1, 5, 9]);
    metadata.dispose();
    expect([decodeMetadata?.isDisposed, prefillMetadata?.isDisposed]).toEqual([true, true]);
  });

  test('a part that is empty is null', () => {
    const decodes = builder('XFORMERS').build(0, common([1], [9])) as SplitAttentionMetadata;
    expect(decodes.prefillMetadata).toBeNull();
    const prefills = builder('XFORMERS').build(0, common([2], [9])) as SplitAttentionMetadata;
    expect(prefills.decodeMetadata).toBeNull();
  });

  test('counts that contradict the batch are refused', () => {
    const options = {
      queryStartLoc: Int32Array.of(0, 1, 3),
      seqLens: Int32Array.of(3, 4),
      blockTables: [[1], [2]],
    };
    expect(() => new SplitAttentionMetadata({ ...options, numDecodes: 3 })).toThrow(/numDecodes/);
    expect(() => new SplitAttentionMetadata({ ...options, numDecodes: 1, numPrefillTokens: 1 })).toThrow(
      /numPrefillTokens 1.*it is 2/,
    ); // prettier-ignore
  });
});

describe('FLASH_ATTN', () => {
  test('a common prefix becomes one sequence, the rest stays apart', () => {
    const blockTable = Int32Array.of(1, 2, 3, 4, 1, 2, 5, 6);
    const metadata = builder('FLASH_ATTN').build(32, common([1, 2], [40, 50], { blockTable })) as FlashAttentionMetadata;
    expect(metadata).toMatchObject({ useCascade: true, commonPrefixLen: 32 });
    expect(Array.from(metadata.cuPrefixQueryLens ?? [])).toEqual([0, 3]);
    expect(Array.from(metadata.prefixKvLens ?? [])).toEqual([32]);
    expect(Array.from(metadata.suffixKvLens ?? [])).toEqual([8, 18]);
    expect(Array.from(metadata.cascade?.prefix.blockTables ?? [])).toEqual([1, 2]);
    expect(Array.from(metadata.cascade?.suffix.blockTables ?? []).slice(0, 2)).toEqual([3, 4]);
    expect(metadata.cascade).toBe(metadata.cascade);
    const plain = builder('FLASH_ATTN').build(0, common([1], [40])) as FlashAttentionMetadata;
    expect([plain.useCascade, plain.cascade, plain.suffixKvLens]).toEqual([false, null, null]);
  }); // prettier-ignore

  test.each([
    [24, common([1], [40]), /24 must be a multiple of the block size 16/],
    [32, common([9, 1], [40, 50]), /request 0 had 31 keys/],
    [32, common([1, 2], [40, 50]), /request 1 has block 11 at 0, request 0 has 1/],
    [32, common([1], [40], { causal: false }), /causal/],
    [32, common([1], [40], { rswaPrefixLens: Int32Array.of(2) }), /no window/],
  ])('a prefix of %i that cannot be shared is refused', (prefix, step, message) => {
    expect(() => builder('FLASH_ATTN').build(prefix, step)).toThrow(message);
  });

  test('decides for a cascade, the others never do', () => {
    const question = {
      commonPrefixLen: 512,
      queryLens: new Int32Array(16).fill(2),
      numQueryHeads: 8,
      numKvHeads: 8,
      useAlibi: false,
      useSlidingWindow: false,
      useLocalAttention: false,
      numSms: 64,
    };
    expect(builder('FLASH_ATTN').useCascadeAttention(question)).toBe(true);
    expect(builder('TRITON_ATTN').useCascadeAttention(question)).toBe(false);
  });
});

describe('FLASHINFER', () => {
  const layer = (changes: object) => ({
    impl: { scale: 0.125, slidingWindow: [-1, -1] as const, logitsSoftCap: 0, ...changes },
    getAttnBackend: () => backendToClass('FLASHINFER'),
    getKvCacheSpec: () => null,
  });

  test('pages as one ragged list', () => {
    const metadata = builder('FLASHINFER').build(0, common([1, 3], [33, 16])) as FlashInferMetadata;
    expect(Array.from(metadata.pagedKvIndptr)).toEqual([0, 3, 4]);
    expect(Array.from(metadata.pagedKvIndices)).toEqual([1, 2, 3, 11]);
    expect(Array.from(metadata.pagedKvLastPageLen)).toEqual([1, 16]);
    expect(metadata).toMatchObject({ numDecodes: 1, maxQLen: 3, maxQLenPrefill: 3, useCascade: false }); // prettier-ignore
  });

  test('plans for layers that agree, refuses others by name', () => {
    const planFor = (layers: Record<string, ReturnType<typeof layer>>) =>
      builder('FLASHINFER', { compilationConfig: { staticForwardContext: layers } }, Object.keys(layers)); // prettier-ignore
    const agreed = planFor({ a: layer({}), b: layer({}) }).build(0, common([1], [3]));
    expect((agreed as FlashInferMetadata).planned).toMatchObject({
      windowLeft: -1,
      smScale: 0.125,
    });
    const differing = { a: layer({}), b: layer({ slidingWindow: [7, 0] }) };
    expect(() => planFor(differing)).toThrow(InvalidArgumentError);
    expect(() => planFor(differing)).toThrow(/share window.*a \(-1, .*b \(7, /);
  });

  test('a table that is too narrow is refused', () => {
    expect(() => builder('FLASHINFER').build(0, common([1], [129]))).toThrow(/needs 9 pages of 16/);
  });
});

describe('TREE_ATTN', () => {
  const speculativeConfig = {
    numSpeculativeTokens: 3,
    speculativeTokenTree: [[0], [1], [0, 0]],
  };

  test('requests as long as the tree are decodes', () => {
    const trees = builder('TREE_ATTN', { speculativeConfig });
    expect(trees.reorderBatchThreshold).toBe(4);
    const metadata = trees.build(0, common([4, 5], [20, 20])) as TreeAttentionMetadata;
    expect(metadata).toMatchObject({ numDecodes: 1, treeAttnBias: { size: 4 } });
    expect(builder('TREE_ATTN').reorderBatchThreshold).toBe(2);
  });

  test('a tree behind a longer request is refused, a single token is not', () => {
    const trees = builder('TREE_ATTN', { speculativeConfig });
    expect(() => trees.build(0, common([5, 4], [20, 20]))).toThrow(
      /request 1 .* decodeThreshold 4/,
    );
    expect(trees.build(0, common([5, 1], [20, 20]))).toMatchObject({ numDecodes: 0 });
  });

  test('drafting in a derived builder changes the batch as building does', () => {
    const { vllmConfig, kvCacheSpec } = builder('TREE_ATTN', { speculativeConfig });
    const double = (step: CommonAttentionMetadata) =>
      step.replace({ seqLens: step.seqLens.map((length) => 2 * length) });
    const Derived = subclassAttentionBuilder(
      'X_',
      backendToClass('TREE_ATTN').getBuilderCls(),
      double,
    );
    const derived = new Derived(kvCacheSpec, [], vllmConfig);
    for (const draftIndex of [0, 1]) {
      const drafted = derived.buildForDrafting(
        common([2], [20]),
        draftIndex,
      ) as TreeAttentionMetadata;
      expect(Array.from(drafted.seqLens)).toEqual([40]);
    }
  });

  test('drafting leaves the root out, and starts without a tree', () => {
    const trees = builder('TREE_ATTN', { speculativeConfig });
    const root = trees.buildForDrafting(common([4], [20]), 0) as TreeAttentionMetadata;
    expect(root).toMatchObject({ treeAttnBias: null, numDecodes: 0 });
    const next = trees.buildForDrafting(common([2, 2], [20, 9]), 1) as TreeAttentionMetadata;
    expect(Array.from(next.treeAttnBias?.values ?? [])).toEqual([0, -Infinity, -Infinity, 0]);
    expect(next.numDecodes).toBe(2);
    const all = trees.buildForDrafting(common([9], [20]), 2) as TreeAttentionMetadata;
    expect(all.treeAttnBias?.size).toBe(3);
  });
});

test('TRITON_ATTN records a batch of one key a request', () => {
  const captured = builder('TRITON_ATTN').buildForCudagraphCapture(common([1, 1], [40, 9]));
  expect(Array.from((captured as PagedAttentionMetadata).seqLens)).toEqual([1, 1]);
});

test('a block table backwards; the null block is nobody’s', () => {
  const mapping = physicalToLogicalMapping(
    Int32Array.of(3, 0, 7, 5, 1, 0),
    Int32Array.of(33, 20),
    16,
    8,
  );
  expect(Array.from(mapping.subarray(0, 8))).toEqual([-1, -1, -1, 0, -1, -1, -1, 2]);
  expect(Array.from(mapping.subarray(8))).toEqual([-1, 1, -1, -1, -1, 0, -1, -1]);
  expect(() => physicalToLogicalMapping(Int32Array.of(8), Int32Array.of(1), 16, 8)).toThrow(/8/);
});

test('256 sequences are built in under 0.2 ms', () => {
  const lens = new Array<number>(256).fill(1);
  const step = common(lens, lens.map((_, b) => 100 + (b % 20))); // prettier-ignore
  const flash = builder('FLASH_ATTN');
  const best = Math.min(
    ...Array.from({ length: 200 }, () => {
      const start = performance.now();
      flash.build(0, step);
      return performance.now() - start;
    }),
  );
  expect(best).toBeLessThan(0.2);
});

test('FLASH_ATTN: a member of a group has its share of the keys before the step', () => {
  const build = (parallelConfig: VllmConfig['parallelConfig']) => {
    const Builder = backendToClass('FLASH_ATTN').getBuilderCls();
    const spec = new FullAttentionSpec({ blockSize: BLOCK, numKvHeads: 1, headSize: 32 });
    const builder = new Builder(spec, [], { ...config, parallelConfig });
    return builder.build(0, common([3, 1], [8, 5])) as FlashAttentionMetadata;
  };
  const alone = build({});
  expect([alone.dcpContextKvLens, alone.maxDcpContextKvLen]).toEqual([null, null]);
  const second = build({ decodeContextParallelSize: 2, decodeContextParallelRank: 1 });
  expect(second.dcpContextKvLens).toEqual(Int32Array.of(2, 2));
  const pairs = build({ decodeContextParallelSize: 2, cpKvCacheInterleaveSize: 2 });
  expect(pairs.dcpContextKvLens).toEqual(Int32Array.of(3, 2));
  expect(pairs.maxDcpContextKvLen).toBe(3);
});

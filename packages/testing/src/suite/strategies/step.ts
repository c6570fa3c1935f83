import * as tf from '@tensorflow/tfjs-core';
import {
  backendToClass,
  CommonAttentionMetadata,
  FullAttentionSpec,
  planAttention,
  reshapeAndCache,
  type AttentionBackendEnum,
  type AttentionImplExtra,
  type AttentionLayer,
  type AttentionMetadata,
  type AttentionMetadataBuilder,
  type AttentionPlan,
  type AttentionType,
  type KvCache,
  type VllmConfig,
} from '@tfjs-attention/core';
import { describePaged } from '@tfjs-attention/core/reference';
import { assert } from '../assert.js';
import { fillCache, twinOf } from '../cache_bytes.js';
import { makeCache, makePaged, prefixSums, type PagedCase, type PagedData } from '../paged_case.js';
import { inScope, writeTwin } from '../in_scope.js';
import type { Spec } from '../subject.js';
import { assertExpected, expectedOf, type Expected } from '../tolerance.js';

/** Who sees whom, instead of the causal rule. */
export type Visible = (b: number, n: number, p: number, j: number) => boolean;

/** A step that a strategy's builder and implementation serve, as data. Its block size is 16. */
export interface StrategyCase extends Omit<PagedCase, 'blockSize' | 'queryOffset'> {
  readonly strategy: AttentionBackendEnum;
  readonly attnType?: AttentionType;
  readonly extra?: AttentionImplExtra;
  /** Default causal. */
  readonly visible?: Visible;
  readonly causal?: boolean;
  /** Keys that all sequences share. */
  readonly commonPrefixLen?: number;
  readonly config?: Partial<VllmConfig>;
  /** Builds the metadata; default `builder.build(commonPrefixLen, common)`. */
  readonly build?: (
    builder: AttentionMetadataBuilder,
    common: CommonAttentionMetadata,
  ) => AttentionMetadata;
  /** Looks at what was built. */
  readonly inspect?: (metadata: AttentionMetadata) => void;
}

export const BLOCK = 16;
export const HEADS = [2, 1] as const;
export const SIZE = [64, 64] as const;

const CONFIG: VllmConfig = {
  cacheConfig: { blockSize: BLOCK, cacheDtype: 'auto' },
  modelConfig: { maxModelLen: 512, dtype: 'float32' },
  schedulerConfig: { maxNumBatchedTokens: 512, maxNumSeqs: 16 },
};

/** A layer whose scales are all 1. */
export const LAYER: AttentionLayer = {
  qScale: 1,
  kScale: 1,
  vScale: 1,
  probScale: 1,
  forward: () => {
    throw new Error('an implementation does not call its layer');
  },
};

/** A step as a runner describes it, and the rows of k and v that it brings. */
function commonOf({ plan, writePlan }: PagedData, c: StrategyCase) {
  const first = prefixSums(c.seqLens);
  const rows = c.seqLens.flatMap((length, b) =>
    Array.from({ length: c.queryLens[b] }, (_, i) => first[b] + length - c.queryLens[b] + i),
  );
  const slots = writePlan.slotMapping as Int32Array;
  const common = new CommonAttentionMetadata({
    queryStartLoc: plan.queryStartLoc,
    seqLens: plan.seqLens,
    blockTable: sharedTables(plan, c.commonPrefixLen ?? 0),
    slotMapping: Int32Array.from(rows, (row) => slots[row]),
    causal: c.causal ?? true,
  });
  return { common, rows };
}

/** Tables whose rows begin with the first one's blocks of a prefix. */
function sharedTables({ blockTables, maxBlocksPerSeq }: AttentionPlan, prefix: number): Int32Array {
  return blockTables.map((block, i) => {
    const column = i % maxBlocksPerSeq;
    return column < prefix / BLOCK ? blockTables[column] : block;
  });
}

export function builderOf(c: Pick<StrategyCase, 'strategy' | 'config' | 'size' | 'heads'>) {
  const [headSize, valueHeadSize] = c.size ?? SIZE;
  const [, numKvHeads] = c.heads ?? HEADS;
  const spec = new FullAttentionSpec({ blockSize: BLOCK, numKvHeads, headSize, valueHeadSize });
  const Builder = backendToClass(c.strategy).getBuilderCls();
  return new Builder(spec, [], { ...CONFIG, ...c.config });
}

export function implOf(c: StrategyCase, made: PagedData['made']) {
  const [numHeads, numKvHeads] = c.heads ?? HEADS;
  const [headSize, valueHeadSize] = c.size ?? SIZE;
  const { logitsSoftCap, slidingWindow } = made.options;
  const { alibiSlopes, sinks } = made.host;
  return new (backendToClass(c.strategy).getImplCls())(
    numHeads,
    headSize,
    headSize ** -0.5,
    numKvHeads,
    alibiSlopes === undefined ? null : Array.from(alibiSlopes),
    slidingWindow ?? null,
    c.dtype ?? 'auto',
    logitsSoftCap ?? null,
    c.attnType ?? 'decoder',
    null,
    { ...c.extra, ...(sinks && { sinks: Array.from(sinks) }), valueHeadSize },
  );
}

/** The visibility of a step as a mask `[N, T, S]`. */
function maskOf(c: StrategyCase, plan: AttentionPlan, visible: Visible): Uint8Array {
  const [numHeads] = c.heads ?? HEADS;
  const mask = new Uint8Array(numHeads * plan.numTokens * plan.maxSeqLen);
  for (let n = 0; n < numHeads; n++) {
    c.queryLens.forEach((length, b) => {
      for (let i = 0; i < length; i++) {
        const row = n * plan.numTokens + plan.queryStartLoc[b] + i;
        for (let j = 0; j < c.seqLens[b]; j++) {
          if (visible(b, n, plan.queryOffsets[b] + i, j)) mask[row * plan.maxSeqLen + j] = 1;
        }
      }
    });
  }
  return mask;
}

/** What the definition gives for the step, over whatever the cache's type keeps of the keys. */
async function expectedStep(c: StrategyCase, data: PagedData, cache: KvCache): Promise<Expected> {
  const twin = twinOf(cache);
  const slots = data.writePlan.slotMapping as Int32Array;
  await writeTwin(twin, data.k, data.v, slots);
  const [keys, values] = twin.storage.gather(slots).map((x) => x.dataSync());
  const { numKvHeads, headSize, valueHeadSize } = twin.layout;
  const { plan, made, q } = data;
  const mask = c.visible && maskOf(c, plan, c.visible);
  const shape = [(c.heads ?? HEADS)[0], plan.numTokens, plan.maxSeqLen];
  const { problem } = describePaged('strategy', q, twin.layout, plan, {
    ...made.options,
    causal: c.visible === undefined && (c.causal ?? true),
    ...(mask && { mask: tf.tensor(mask, shape, 'bool') }),
  });
  const first = prefixSums(c.seqLens);
  return expectedOf(problem, {
    q: await q.data(),
    key: (b, j, head, lane) => keys[((first[b] + j) * numKvHeads + head) * headSize + lane],
    value: (b, j, head, lane) =>
      values[((first[b] + j) * numKvHeads + head) * valueHeadSize + lane],
    ...made.host,
    ...(mask && { mask }),
  });
}

/** Every sequence's first keys become the first sequence's. */
function sharePrefix(x: tf.Tensor3D, c: StrategyCase): tf.Tensor3D {
  const prefix = c.commonPrefixLen ?? 0;
  const head = tf.slice(x, [0], [prefix]);
  const first = prefixSums(c.seqLens);
  return tf.concat(
    c.seqLens.flatMap((length, b) => [head, tf.slice(x, [first[b] + prefix], [length - prefix])]),
  );
}

/**
 * Keys that were there before the step are written by hand, the prefix for the first sequence alone; the implementation
 * writes the step's own. Everything else in the cache reads as NaN.
 */
export function strategySpec(c: StrategyCase): Spec {
  return {
    name: `${c.strategy}: ${c.name}`,
    run: () =>
      inScope(async () => {
        const drawn = makePaged({ size: SIZE, heads: HEADS, ...c, blockSize: BLOCK });
        const data = { ...drawn, k: sharePrefix(drawn.k, c), v: sharePrefix(drawn.v, c) };
        const cache = makeCache(
          { size: SIZE, heads: HEADS, ...c, blockSize: BLOCK },
          data.numBlocks,
        );
        try {
          const { common, rows } = commonOf(data, c);
          await fillCache(cache, twinOf(cache), 0xff);
          reshapeAndCache(data.k, data.v, cache, withoutSlots(data.writePlan, c, rows));
          const build = c.build ?? ((builder) => builder.build(c.commonPrefixLen ?? 0, common));
          const metadata = build(builderOf(c), common);
          c.inspect?.(metadata);
          const take = (x: tf.Tensor) => tf.gather(x, tf.tensor1d(rows, 'int32'));
          const impl = implOf(c, data.made);
          const output = impl.forward(LAYER, data.q, take(data.k), take(data.v), cache, metadata);
          assertExpected({ output: await output.data() }, await expectedStep(c, data, cache));
          const held = tf.memory().numTensors;
          (metadata as AttentionPlan).dispose();
          assert(tf.memory().numTensors <= held, 'disposed metadata hold tensors');
        } finally {
          cache.dispose();
        }
      }),
  };
}

/** The write of all keys, without what the step writes and without later sequences' prefixes. */
function withoutSlots(
  { queryStartLoc, seqLens, blockTables, slotMapping }: AttentionPlan,
  c: StrategyCase,
  rows: readonly number[],
): AttentionPlan {
  const slots = (slotMapping as Int32Array).slice();
  for (const row of rows) slots[row] = -1;
  for (let b = 1; b < c.seqLens.length; b++) {
    slots.fill(-1, queryStartLoc[b], queryStartLoc[b] + (c.commonPrefixLen ?? 0));
  }
  return planAttention({ queryStartLoc, seqLens, blockTables, slotMapping: slots });
}

import * as tf from '@tensorflow/tfjs-core';
import {
  FullAttentionSpec,
  KvCache,
  pagedAttention,
  planAttention,
  reshapeAndCache,
  type Implementation,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import { Comparisons, type Outcome } from './outcome.js';
import { bytesOf, floatsOf, intsOf, valuesOf, type TensorData } from './tensor_data.js';

/** A call of vLLM's `reshape_and_cache_flash` and `unified_attention`. */
export interface VllmCase {
  readonly name: string;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly headSize: number;
  readonly blockSize: number;
  readonly softmaxScale: number;
  readonly slidingWindow: number | null;
  readonly logitsSoftCap: number;
  readonly kvCacheDtype: KvCacheDtype | 'auto' | 'fp8';
  readonly kScale: number;
  readonly vScale: number;
  readonly query: TensorData;
  readonly newKeys: TensorData;
  readonly newValues: TensorData;
  readonly slotMapping: TensorData;
  readonly keyCache: TensorData;
  readonly valueCache: TensorData;
  readonly blockTables: TensorData;
  readonly queryStartLoc: TensorData;
  readonly seqLens: TensorData;
  readonly output: TensorData;
  readonly reference: TensorData;
  readonly alibiSlopes?: TensorData | null;
  readonly sinks?: TensorData | null;
  readonly qqBias?: TensorData | null;
}

/** `output` was computed in float16. */
const OUTPUT_ATOL = 2e-3;
/** `reference` is float64 maths in float32. */
const REFERENCE_ATOL = 1e-5;

export async function runVllmCase(c: VllmCase, implementation: Implementation): Promise<Outcome> {
  const comparisons = new Comparisons();
  const cache = makeCache(c);
  try {
    tf.tidy(() => writeNew(c, cache));
    const { numBlocks } = cache.layout;
    const blocks = Array.from({ length: numBlocks }, (_, block) => block);
    const stored = await cache.storageFor('conformance').readBlocks(blocks);
    comparisons.bytes('key cache', stored.key, bytesOf(c.keyCache));
    comparisons.bytes('value cache', stored.value, bytesOf(c.valueCache));
    const attended = tf.tidy(() => attend(c, cache, implementation));
    const output = await attended.data();
    attended.dispose();
    comparisons.close('output', output, valuesOf(c.output), { atol: OUTPUT_ATOL });
    comparisons.close('reference', output, valuesOf(c.reference), { atol: REFERENCE_ATOL });
  } finally {
    cache.dispose();
  }
  return { name: c.name, failures: comparisons.failures };
}

function makeCache(c: VllmCase): KvCache {
  const { blockSize, numKvHeads, headSize, kvCacheDtype: dtype, kScale, vScale } = c;
  const [numBlocks, , , valueHeadSize] = c.valueCache.shape;
  const spec = new FullAttentionSpec({ blockSize, numKvHeads, headSize, valueHeadSize });
  return new KvCache(spec, { numBlocks, dtype, kScale, vScale });
}

function writeNew(c: VllmCase, cache: KvCache): void {
  const slotMapping = intsOf(c.slotMapping);
  const plan = planAttention({
    queryStartLoc: Int32Array.of(0, slotMapping.length),
    seqLens: Int32Array.of(0),
    blockTables: [[]],
    slotMapping,
  });
  const tensor = (data: TensorData) => tf.tensor(floatsOf(data), [...data.shape]);
  reshapeAndCache(tensor(c.newKeys), tensor(c.newValues), cache, plan);
  plan.dispose();
}

function attend(c: VllmCase, cache: KvCache, implementation: Implementation): tf.Tensor {
  const plan = planAttention({
    queryStartLoc: intsOf(c.queryStartLoc),
    seqLens: intsOf(c.seqLens),
    blockTables: intsOf(c.blockTables),
  });
  const { alibiSlopes, sinks, qqBias, slidingWindow } = c;
  const output = pagedAttention(tf.tensor(floatsOf(c.query), [...c.query.shape]), cache, plan, {
    implementation,
    softmaxScale: c.softmaxScale,
    logitsSoftCap: c.logitsSoftCap,
    ...(slidingWindow !== null && { slidingWindow }),
    ...(alibiSlopes && { alibiSlopes: floatsOf(alibiSlopes) }),
    ...(sinks && { sinks: floatsOf(sinks) }),
    ...(qqBias && { qqBias: tf.tensor(floatsOf(qqBias), [...qqBias.shape]) }),
  });
  plan.dispose();
  return output;
}

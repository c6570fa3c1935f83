import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { gatherSlots } from '../kv_cache/access.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { MLAAttentionSpec } from '../kv_cache/spec.js';
import { check, checkInt, checkTensor, shapeText } from '../problem/checks.js';
import { reshapeAndCacheFlash } from './reshape_and_cache_flash.js';
import { slotsOfTable, type BlockTableRows } from './table_slots.js';

export interface IndexerKCacheOptions {
  /** P */
  numBlocks: number;
  /** C. Default 64. */
  blockSize?: number;
  /** Lanes of an indexer key. Default 128. */
  headDim?: number;
  /** Lanes that share a scale; divides headDim. Default 128. */
  quantBlockSize?: number;
}

/** How scales are stored: as they are, or rounded up to a power of 2. */
export type ScaleFormat = 'float' | 'ue8m0';

const OP = 'IndexerKCache';
const LARGEST = 448;
/** Powers of 2 that a scale may become, from 2^-32 on: the smallest is 1e-4 / 448, the largest max|x| / 448. */
const LEAST_EXPONENT = -32;
const POWERS = Float32Array.from({ length: 160 }, (_, i) => 2 ** (i + LEAST_EXPONENT));

/**
 * The keys of DeepSeek-V3.2's indexer (vLLM's indexer cache): e4m3 lanes and a float32 scale for each `quantBlockSize` of
 * them, 132 bytes a token with 128 lanes, on every tfjs backend.
 *
 * @throws InvalidArgumentError where quantBlockSize does not divide headDim; CapacityError.
 */
export class IndexerKCache {
  readonly headDim: number;
  readonly quantBlockSize: number;
  readonly blockSize: number;
  readonly numBlocks: number;
  readonly codes: KvCache;
  readonly scales: KvCache;

  constructor(options: IndexerKCacheOptions) {
    const { numBlocks, blockSize = 64, headDim = 128, quantBlockSize = 128 } = options;
    checkInt(headDim, OP, 'headDim', 1);
    checkInt(quantBlockSize, OP, 'quantBlockSize', 1);
    check(
      headDim % quantBlockSize === 0,
      OP,
      `quantBlockSize ${quantBlockSize} must divide headDim ${headDim}`,
    );
    const make = (headSize: number, dtype: 'fp8_e4m3' | 'float32') => {
      const spec = new MLAAttentionSpec({ blockSize, numKvHeads: 1, headSize, valueHeadSize: 1 });
      return new KvCache(spec, { numBlocks, dtype });
    };
    this.codes = make(headDim, 'fp8_e4m3');
    try {
      this.scales = make(headDim / quantBlockSize, 'float32');
    } catch (error) {
      this.codes.dispose();
      throw error;
    }
    this.headDim = headDim;
    this.quantBlockSize = quantBlockSize;
    this.blockSize = blockSize;
    this.numBlocks = numBlocks;
  }

  dispose(): void {
    this.codes.dispose();
    this.scales.dispose();
  }
}

/**
 * Quantises indexer keys `k` `[T, headDim]` float32 and writes them to slots (vLLM `indexer_k_quant_and_cache`): scale =
 * max(max|x|, 1e-4) / 448 of each group of lanes, with 'ue8m0' the next power of 2 from it on; -1 is left out.
 *
 * ```js
 * indexerKQuantAndCache(k, cache, Int32Array.of(3), 'ue8m0');  // max|x| 448 stores scale 1, 449 scale 2
 * ```
 *
 * @throws InvalidArgumentError, DisposedError, BackendMismatchError.
 */
export function indexerKQuantAndCache(
  k: Tensor,
  cache: IndexerKCache,
  slotMapping: Int32Array,
  scaleFmt: ScaleFormat = 'float',
): void {
  const op = 'indexerKQuantAndCache';
  checkIndexer(op, cache);
  checkTensor(k, op, 'k', 2, '[T, headDim]');
  const { headDim, quantBlockSize } = cache;
  const [tokens, lanes] = k.shape as [number, number];
  check(
    lanes === headDim && tokens > 0,
    op,
    `k must be [T, ${headDim}] with T >= 1, got ${shapeText(k.shape)}`,
  );
  check(
    scaleFmt === 'float' || scaleFmt === 'ue8m0',
    op,
    `scaleFmt must be 'float' or 'ue8m0', got '${String(scaleFmt)}'`,
  );
  tf.tidy(op, () => {
    const groups = tf.reshape(k, [tokens, headDim / quantBlockSize, quantBlockSize]);
    const most = tf.maximum(tf.max(tf.abs(groups), 2), 1e-4);
    const scale = scaleFmt === 'ue8m0' ? powerFrom(tf.div(most, LARGEST)) : tf.div(most, LARGEST);
    const codes = tf.div(groups, tf.expandDims(scale, 2));
    reshapeAndCacheFlash(tf.reshape(codes, [tokens, 1, headDim]), null, cache.codes, slotMapping);
    reshapeAndCacheFlash(tf.expandDims(scale, 1), null, cache.scales, slotMapping);
  });
}

/**
 * What was stored of some sequences, packed (vLLM `cp_gather_indexer_k_quant_cache`): `k` `[total, headDim]`, the e4m3
 * values before their scale, and `scale` `[total, headDim / quantBlockSize]`, both float32.
 *
 * @param blockTable one row a sequence
 * @param cuSeqLens `[B + 1]` prefix sums of lengths
 * @throws InvalidArgumentError for blocks outside the cache; CapacityError for a length past its row.
 */
export function cpGatherIndexerKQuantCache(
  cache: IndexerKCache,
  blockTable: BlockTableRows,
  cuSeqLens: Int32Array,
): { k: Tensor; scale: Tensor } {
  const op = 'cpGatherIndexerKQuantCache';
  checkIndexer(op, cache);
  const slots = slotsOfTable(op, blockTable, cuSeqLens, cache.codes.layout);
  const [k, scale] = tf.tidy(() =>
    [cache.codes, cache.scales].map((half) => {
      const [lanes] = gatherSlots(half.storageFor(op), slots);
      return tf.reshape(lanes, [slots.length, half.layout.headSize]);
    }),
  );
  return { k, scale };
}

/** The next power of 2 from a positive number on, exact on every device: the exponent picks from a table. */
function powerFrom(x: Tensor): Tensor {
  // A device's logarithm of a power of 2 may lie just above its exponent.
  const exponent = tf.ceil(tf.sub(tf.div(tf.log(x), Math.LN2), 2e-6));
  const index = tf.clipByValue(tf.sub(exponent, LEAST_EXPONENT), 0, POWERS.length - 1);
  return tf.gather(tf.tensor1d(POWERS), tf.cast(index, 'int32'));
}

export function checkIndexer(op: string, cache: unknown): asserts cache is IndexerKCache {
  check(cache instanceof IndexerKCache, op, () => `cache must be an IndexerKCache, got ${typeof cache}`); // prettier-ignore
}

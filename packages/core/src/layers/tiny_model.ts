// A decoder of two attention layers for tests: enough for keys of one layer to depend on the attention of the other.
import * as tf from '@tensorflow/tfjs-core';
import { withForwardContext, type ForwardContext } from '../forward_context.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { FullAttentionSpec } from '../kv_cache/spec.js';
import type { KvCacheDtype } from '../problem/params.js';
import { planAttention } from '../utils/plan_attention.js';
import { Attention } from './attention.js';
import { random } from './fixtures.js';

const VOCABULARY = 19;
const WIDTH = 8;
const HEADS = { numHeads: 2, headSize: 4 };

export class TinyModel {
  readonly layers: Attention[];
  /** Tokens that went through the model. */
  computed = 0;
  private readonly embedding: tf.Tensor;
  private readonly weights: tf.Tensor[][];

  constructor(seed: number) {
    this.embedding = random([VOCABULARY, WIDTH], seed);
    this.weights = [0, 1].map((layer) =>
      [1, 2, 3].map((at) => random([WIDTH, WIDTH], seed + 10 * layer + at)),
    );
    this.layers = [0, 1].map((i) => new Attention({ ...HEADS, name: `layers.${i}.attn` }));
  }

  caches(numBlocks: number, blockSize: number, dtype: KvCacheDtype = 'float32') {
    const spec = new FullAttentionSpec({ numKvHeads: 2, headSize: 4, blockSize });
    const make = () => new KvCache(spec, { numBlocks, dtype });
    return Object.fromEntries(this.layers.map(({ name }) => [name, make()]));
  }

  /** Logits `[T, V]`. */
  forward(tokenIds: readonly number[], explicit?: ForwardContext): tf.Tensor {
    this.computed += tokenIds.length;
    return tf.tidy(() => {
      let x = tf.gather(this.embedding, tf.tensor1d([...tokenIds], 'int32'));
      this.layers.forEach((layer, i) => {
        const qkv = this.weights[i].map((weight) => tf.matMul(x as tf.Tensor2D, weight as tf.Tensor2D)); // prettier-ignore
        const kwargs = explicit ? { forwardContext: explicit } : {};
        x = tf.add(x, layer.apply(qkv, kwargs) as tf.Tensor);
      });
      return tf.matMul(x, this.embedding, false, true);
    });
  }

  /** A context in which tokens [from, to) of one request are computed. */
  context(
    kvCaches: Record<string, KvCache>,
    blocks: readonly number[],
    from: number,
    to: number,
    more: Partial<ForwardContext> = {},
  ): ForwardContext {
    const [{ layout }] = Object.values(kvCaches);
    const slot = (i: number) =>
      blocks[Math.floor(i / layout.blockSize)] * layout.blockSize + (i % layout.blockSize);
    const attnMetadata = planAttention({
      queryStartLoc: Int32Array.of(0, to - from),
      seqLens: Int32Array.of(to),
      blockTables: [blocks],
      slotMapping: Int32Array.from({ length: to - from }, (_, i) => slot(from + i)),
    });
    return { attnMetadata, kvCaches, ...more };
  }

  /** Computes tokens [from, ...) of `tokenIds`, then greedily goes on for `count` tokens; returns those. */
  generate(
    tokenIds: readonly number[],
    from: number,
    count: number,
    kvCaches: Record<string, KvCache>,
    blocks: readonly number[],
    more: Partial<ForwardContext> = {},
  ): number[] {
    const all = [...tokenIds];
    for (let done = from; all.length < tokenIds.length + count;) {
      const context = this.context(kvCaches, blocks, done, all.length, more);
      const logits = withForwardContext(context, () => this.forward(all.slice(done)));
      done = all.length;
      all.push(greedy(logits));
    }
    return all.slice(tokenIds.length);
  }
}

/** The likeliest token after the last row. */
export function greedy(logits: tf.Tensor): number {
  return tf.tidy(() => tf.argMax(tf.slice(logits, [logits.shape[0] - 1]), 1).dataSync()[0]);
}

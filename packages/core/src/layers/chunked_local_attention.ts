import type { serialization } from '@tensorflow/tfjs-core';
import type { AttentionBackend } from '../backends/abstract.js';
import type { VllmConfig } from '../config.js';
import { ChunkedLocalAttentionSpec } from '../kv_cache/spec.js';
import { makeLocalAttentionVirtualBatches } from '../metadata/local_attention.js';
import { oncePerBackend, transformingBackend } from '../metadata/subclass_backend.js';
import { check, checkInt } from '../problem/checks.js';
import { Attention } from './attention.js';
import { DEFAULT_CACHE, type AttentionArgs } from './attention_config.js';
import { specOptions } from './attention_spec.js';
import { registerLayerClass } from './serializable.js';

/**
 * A strategy whose builder makes each chunk a request of its own (vLLM `create_chunked_local_attention_backend`).
 *
 * @throws InvalidArgumentError unless the chunk is a positive multiple of the block.
 */
export const createChunkedLocalAttentionBackend = oncePerBackend(
  (underlying, attentionChunkSize: number, blockSize: number): typeof AttentionBackend => {
    const prefix = `ChunkedLocalAttention_${attentionChunkSize}_${blockSize}_`;
    checkInt(attentionChunkSize, 'ChunkedLocalAttention', 'attentionChunkSize', 1);
    checkInt(blockSize, 'ChunkedLocalAttention', 'blockSize', 1);
    check(
      attentionChunkSize % blockSize === 0,
      'ChunkedLocalAttention',
      `attentionChunkSize ${attentionChunkSize} must be a multiple of the block size ${blockSize}`,
    );
    // A spec may have other blocks than the layer was made with; tables follow the spec.
    return transformingBackend(prefix, underlying, (common, { kvCacheSpec }) =>
      makeLocalAttentionVirtualBatches(attentionChunkSize, common, kvCacheSpec.blockSize),
    );
  },
);

export interface ChunkedLocalAttentionArgs extends AttentionArgs {
  /** Keys of one chunk; a multiple of the cache's block size. */
  attentionChunkSize: number;
}

/**
 * Attention within chunks (vLLM `ChunkedLocalAttention`): a token sees the earlier tokens of its own chunk
 * floor(position / attentionChunkSize). Over a cache, metadata come from the builder of `getAttnBackend()`. For chunks that
 * look back, take `Attention` with `extraImplArgs: {chunkSize, chunkLookback}`.
 *
 * ```js
 * new ChunkedLocalAttention({numHeads: 8, headSize: 64, attentionChunkSize: 4}).apply([q, k, v]);  // token 5 sees 4, 5
 * ```
 */
export class ChunkedLocalAttention extends Attention {
  static override className = 'tfjs_attention>ChunkedLocalAttention';
  readonly attentionChunkSize: number;

  constructor(args: ChunkedLocalAttentionArgs) {
    checkInt(args?.attentionChunkSize, new.target.name, 'attentionChunkSize', 1);
    for (const name of ['chunkSize', 'chunkLookback']) {
      check(
        args.extraImplArgs?.[name] === undefined,
        new.target.name,
        `extraImplArgs.${name} has no meaning in a batch that is cut at chunks; take Attention with extraImplArgs {chunkSize, chunkLookback}`,
      );
    }
    super(args);
    this.attentionChunkSize = args.attentionChunkSize;
  }

  protected override wrapBackend(backend: typeof AttentionBackend): typeof AttentionBackend {
    const { blockSize } = this.config.cacheConfig ?? this.vllmConfig?.cacheConfig ?? DEFAULT_CACHE;
    return createChunkedLocalAttentionBackend(backend, this.attentionChunkSize, blockSize);
  }

  protected override denseOptions() {
    return { ...super.denseOptions(), chunkSize: this.attentionChunkSize };
  }

  override getKvCacheSpec(vllmConfig: VllmConfig): ChunkedLocalAttentionSpec {
    const { attentionChunkSize } = this;
    return new ChunkedLocalAttentionSpec({ ...specOptions(this, vllmConfig), attentionChunkSize });
  }

  protected override ownConfig(): serialization.ConfigDict {
    return { attentionChunkSize: this.attentionChunkSize };
  }
}

registerLayerClass(ChunkedLocalAttention);

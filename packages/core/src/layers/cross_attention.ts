import type { Tensor } from '@tensorflow/tfjs-core';
import type { AttentionBackend } from '../backends/abstract.js';
import type { AttentionImpl, AttentionImplClass, AttentionLayer } from '../backends/impl.js';
import type { AttentionMetadata } from '../backends/metadata.js';
import type { VllmConfig } from '../config.js';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { CrossAttentionSpec } from '../kv_cache/spec.js';
import type { AttentionMetadataBuilder } from '../metadata/builder.js';
import type { CommonAttentionMetadata } from '../metadata/common_attention_metadata.js';
import {
  oncePerBackend,
  subclassAttentionBackend,
  subclassAttentionBuilder,
} from '../metadata/subclass_backend.js';
import { reshapeAndCache } from '../ops/reshape_and_cache.js';
import { check } from '../problem/checks.js';
import type { AttentionPlan } from '../utils/plan_attention.js';
import { Attention } from './attention.js';
import type { AttentionArgs } from './attention_config.js';
import { specOptions } from './attention_spec.js';
import { getCrossSlotMapping } from './cross_slot_mapping.js';
import { registerLayerClass } from './serializable.js';
import { writePlan } from './write_plan.js';

const OP = 'CrossAttention';

/** Slots of the encoder's keys of a step, by the metadata that were built for it. */
const encoderSlots = new WeakMap<AttentionMetadata, Int32Array>();

/** Decoder queries over all keys of each request's encoder. */
function overEncoder(common: CommonAttentionMetadata): CommonAttentionMetadata {
  check(
    common.encoderSeqLens !== undefined,
    OP,
    'the metadata have no encoderSeqLens: cross attention reads that many keys of each request',
  );
  return common.replace({
    causal: false,
    seqLens: common.encoderSeqLens,
    slotMapping: new Int32Array(common.slotMapping.length).fill(-1),
  });
}

/** Keys are written in the step that computes a request's first tokens. */
function noteSlots(
  built: AttentionMetadata,
  common: CommonAttentionMetadata,
  { kvCacheSpec }: AttentionMetadataBuilder,
): void {
  const { numComputedTokens, blockTable, maxBlocksPerReq, numReqs } = common;
  const lengths = (common.encoderSeqLens ?? new Int32Array())
    .subarray(0, numReqs)
    .map((length, r) => (numComputedTokens[r] === 0 ? length : 0));
  const slots = getCrossSlotMapping(lengths, blockTable, maxBlocksPerReq, kvCacheSpec.blockSize);
  encoderSlots.set(built, slots);
}

/** An implementation that writes the encoder's keys, which are not as many as the queries. */
function writingEncoderKeys(Impl: AttentionImplClass): AttentionImplClass {
  const inherited = Impl.prototype as AttentionImpl;
  return class CrossAttentionImpl extends Impl {
    override forward(
      layer: AttentionLayer,
      query: Tensor,
      key: Tensor | null,
      value: Tensor | null,
      kvCache: KvCache | null,
      metadata: AttentionMetadata | null,
    ): Tensor {
      const slots = metadata === null ? undefined : encoderSlots.get(metadata);
      if (slots === undefined) {
        return inherited.forward.call(this, layer, query, key, value, kvCache, metadata);
      }
      const owns = this.kvSharingTargetLayerName === null;
      if (owns && slots.length > 0 && kvCache !== null && key !== null && value !== null) {
        check(
          key.shape[0] === slots.length,
          OP,
          `${key.shape[0]} encoder tokens are given, but requests in their first step have ${slots.length} (encoderSeqLens): give theirs, packed without padding`,
        );
        reshapeAndCache(key, value, kvCache, writePlan(metadata as AttentionPlan, slots));
      }
      return inherited.forward.call(this, layer, query, null, null, kvCache, metadata);
    }
  };
}

/** A strategy for decoder queries over encoder keys (vLLM `create_cross_attention_backend`). */
export const createCrossAttentionBackend = oncePerBackend((underlying): typeof AttentionBackend => {
  const prefix = 'CrossAttention_';
  return subclassAttentionBackend(prefix, underlying, {
    builder: subclassAttentionBuilder(prefix, underlying.getBuilderCls(), overEncoder, noteSlots),
    impl: writingEncoderKeys(underlying.getImplCls()),
  });
});

/**
 * Decoder queries over an encoder's output (vLLM `CrossAttention`). Over a cache, key and value `[E, K, H]` of all requests
 * in their first step, packed, are written once; later steps only read, and take q alone. Each request attends to its own
 * `encoderSeqLens` keys. Without a context: dense and both ways, over keys of any length.
 *
 * @throws InvalidArgumentError for an attnType other than 'encoder_decoder'.
 */
export class CrossAttention extends Attention {
  static override className = 'tfjs_attention>CrossAttention';

  constructor(args: AttentionArgs) {
    check(
      args?.attnType === undefined || args.attnType === 'encoder_decoder',
      new.target.name,
      `attnType must be 'encoder_decoder', got '${args?.attnType}'`,
    );
    super({ ...args, attnType: 'encoder_decoder' });
  }

  protected override wrapBackend(backend: typeof AttentionBackend): typeof AttentionBackend {
    return createCrossAttentionBackend(backend);
  }

  override getKvCacheSpec(vllmConfig: VllmConfig): CrossAttentionSpec {
    return new CrossAttentionSpec(specOptions(this, vllmConfig));
  }
}

registerLayerClass(CrossAttention);

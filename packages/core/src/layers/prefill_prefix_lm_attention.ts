import type { AttentionBackend } from '../backends/abstract.js';
import type { VllmConfig } from '../config.js';
import { FullAttentionSpec } from '../kv_cache/spec.js';
import { oncePerBackend, transformingBackend } from '../metadata/subclass_backend.js';
import { check } from '../problem/checks.js';
import { Attention } from './attention.js';
import type { AttentionArgs } from './attention_config.js';
import { specOptions } from './attention_spec.js';
import { registerLayerClass } from './serializable.js';

/** A strategy whose builder makes every batch see both ways, over the cache. */
export const createPrefillPrefixLMAttentionBackend = oncePerBackend(
  (underlying): typeof AttentionBackend =>
    transformingBackend('PrefillPrefixLMAttention_', underlying, (common) =>
      common.replace({ causal: false }),
    ),
);

/**
 * A decoder whose prompt sees itself both ways (vLLM `PrefillPrefixLMAttention`). A step of one token is what it is for a
 * causal decoder; the prompt has to come in one step, uncached, which its spec says (`nonCausal`). Without a context the
 * whole sequence is the prompt.
 *
 * @throws InvalidArgumentError for an attnType other than 'decoder'.
 */
export class PrefillPrefixLMAttention extends Attention {
  static override className = 'tfjs_attention>PrefillPrefixLMAttention';

  constructor(args: AttentionArgs) {
    check(
      args?.attnType === undefined || args.attnType === 'decoder',
      new.target.name,
      `attnType must be 'decoder', got '${args?.attnType}'`,
    );
    super(args);
  }

  protected override wrapBackend(backend: typeof AttentionBackend): typeof AttentionBackend {
    return createPrefillPrefixLMAttentionBackend(backend);
  }

  protected override denseOptions() {
    return { ...super.denseOptions(), causal: false };
  }

  override getKvCacheSpec(vllmConfig: VllmConfig): FullAttentionSpec {
    return new FullAttentionSpec({ ...specOptions(this, vllmConfig), nonCausal: true });
  }
}

registerLayerClass(PrefillPrefixLMAttention);

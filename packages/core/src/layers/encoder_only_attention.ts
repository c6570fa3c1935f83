import type { AttentionBackend } from '../backends/abstract.js';
import { oncePerBackend, transformingBackend } from '../metadata/subclass_backend.js';
import { check } from '../problem/checks.js';
import { Attention } from './attention.js';
import type { AttentionArgs } from './attention_config.js';
import { registerLayerClass } from './serializable.js';

/** A strategy whose builder makes every batch see both ways (vLLM `create_encoder_only_attention_backend`). */
export const createEncoderOnlyAttentionBackend = oncePerBackend(
  (underlying): typeof AttentionBackend =>
    transformingBackend('EncoderOnlyAttention_', underlying, (common) =>
      common.replace({ causal: false }),
    ),
);

/**
 * Attention of a model that only encodes (vLLM `EncoderOnlyAttention`): both ways within each request, no cache.
 *
 * @throws InvalidArgumentError for an attnType other than 'encoder_only'.
 */
export class EncoderOnlyAttention extends Attention {
  static override className = 'tfjs_attention>EncoderOnlyAttention';

  constructor(args: AttentionArgs) {
    check(
      args?.attnType === undefined || args.attnType === 'encoder_only',
      new.target.name,
      `attnType must be 'encoder_only', got '${args?.attnType}'`,
    );
    super({ ...args, attnType: 'encoder_only' });
  }

  protected override wrapBackend(backend: typeof AttentionBackend): typeof AttentionBackend {
    return createEncoderOnlyAttentionBackend(backend);
  }

  override getKvCacheSpec(): null {
    return null;
  }
}

registerLayerClass(EncoderOnlyAttention);

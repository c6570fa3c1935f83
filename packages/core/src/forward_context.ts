import { InvalidArgumentError, MissingMetadataError } from './errors.js';
import type { KvCache } from './kv_cache/kv_cache.js';
import type { AttentionPlan } from './utils/plan_attention.js';

/** What one model step brings to every attention layer (vLLM `vllm.forward_context.ForwardContext`). */
export interface ForwardContext {
  /** One plan for all layers, or one a layer name. */
  attnMetadata: AttentionPlan | Readonly<Record<string, AttentionPlan>>;
  /** Caches by layer name (vLLM's `prefix`). */
  kvCaches: Readonly<Record<string, KvCache>>;
}

let current: ForwardContext | undefined;

/** The context of the running step, or undefined outside one. */
export function getForwardContext(): ForwardContext | undefined {
  return current;
}

/**
 * Runs `fn` with a context that attention layers find by their name (vLLM `set_forward_context`). Scopes nest; the outer
 * one returns when `fn` ends or throws.
 *
 * ```js
 * const logits = withForwardContext({attnMetadata: plan, kvCaches}, () => model.apply(tokens));
 * ```
 *
 * @throws InvalidArgumentError where `fn` returns a promise: the scope would be gone when it goes on. Async code passes
 *   the context explicitly, as `layer.call(inputs, {forwardContext})`.
 */
export function withForwardContext<T>(context: ForwardContext, fn: () => T): T {
  const before = current;
  current = context;
  try {
    const result = fn();
    if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
      throw new InvalidArgumentError(
        'withForwardContext: fn returned a promise, but the context is a synchronous scope; ' +
          'await outside it, or pass {forwardContext} to the layer call',
      );
    }
    return result;
  } finally {
    current = before;
  }
}

/** One layer's plan and cache in a context. */
export function layerContext(
  context: ForwardContext,
  name: string,
): { plan: AttentionPlan; cache: KvCache } {
  const { attnMetadata, kvCaches } = context;
  const plan = isPlan(attnMetadata) ? attnMetadata : attnMetadata[name];
  const cache = kvCaches[name];
  if (plan === undefined || cache === undefined) {
    const missing = plan === undefined ? 'attnMetadata' : 'kvCaches';
    const names = Object.keys(plan === undefined ? attnMetadata : kvCaches);
    throw new MissingMetadataError(
      `Attention '${name}': the forward context has no ${missing} entry of that name (it has ${names.join(', ') || 'none'}); ` +
        'add it, or name the layer as the context does',
    );
  }
  return { plan, cache };
}

function isPlan(metadata: ForwardContext['attnMetadata']): metadata is AttentionPlan {
  return typeof (metadata as AttentionPlan).checkFor === 'function';
}

import { AttentionMetadata } from './backends/metadata.js';
import type { BatchDescriptor } from './batch_descriptor.js';
import type { RegisteredAttentionLayer, VllmConfig } from './config.js';
import type { DPMetadata } from './dp_metadata.js';
import { InvalidArgumentError, MissingMetadataError } from './errors.js';
import type { KvCache } from './kv_cache/kv_cache.js';
import type { KvConnector } from './kv_transfer/connector.js';
import type { UBatchSlice } from './metadata/ubatch.js';

/** Metadata by layer name. */
export type MetadataByLayer = Readonly<Record<string, AttentionMetadata>>;

/** What one model step brings to every attention layer (vLLM `vllm.forward_context.ForwardContext`). */
export interface ForwardContext {
  /**
   * One for all layers, or one a layer name; null = a profiling run: layers return zeros and write nothing. A list holds
   * a record a micro-batch: {@link ubatchContexts} makes a context of each.
   */
  attnMetadata: AttentionMetadata | MetadataByLayer | readonly MetadataByLayer[] | null;
  /** Caches by layer name (vLLM's `prefix`); a layer without an entry uses the cache that is bound to it. */
  kvCaches?: Readonly<Record<string, KvCache>>;
  /** Layers by name, for the functions that take a layer's name (vLLM `no_compile_layers`). */
  noCompileLayers?: Readonly<Record<string, RegisteredAttentionLayer>>;
  /** Which of a layer's bound caches is meant: one a pipeline stage in flight. Default 0. */
  virtualEngine?: number;
  dpMetadata?: DPMetadata;
  batchDescriptor?: BatchDescriptor;
  /** Where the batch is cut into micro-batches. */
  ubatchSlices?: readonly UBatchSlice[];
  /** Takes part in this step instead of the process-wide one; null = none does. */
  kvConnector?: KvConnector | null;
}

/** What {@link createForwardContext} adds to metadata and layers. */
export type ForwardContextOptions = Omit<ForwardContext, 'attnMetadata'>;

let current: ForwardContext | undefined;

/** The context of the running step, or undefined outside one. */
export function getForwardContext(): ForwardContext | undefined {
  return current;
}

/**
 * Runs `fn` with a context that attention layers find by their name. Scopes nest; the outer one returns when `fn` ends or
 * throws.
 *
 * ```js
 * const logits = withForwardContext({attnMetadata: plan, kvCaches}, () => model.apply(tokens));
 * ```
 *
 * @throws InvalidArgumentError where `fn` returns a promise: the scope would be gone when it goes on. Async code passes
 *   the context explicitly, as `layer.call(inputs, {forwardContext})`, or opens a scope around each step.
 */
export function withForwardContext<T>(context: ForwardContext, fn: () => T): T {
  return overrideForwardContext(context, fn, 'withForwardContext');
}

/** As {@link withForwardContext}; null runs `fn` without a context, so that layers are dense again. */
export function overrideForwardContext<T>(
  context: ForwardContext | null,
  fn: () => T,
  op = 'overrideForwardContext',
): T {
  const before = current;
  current = context ?? undefined;
  try {
    const result = fn();
    if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
      throw new InvalidArgumentError(
        `${op}: fn returned a promise, but the context is a synchronous scope; ` +
          'await outside it, or pass {forwardContext} to the layer call',
      );
    }
    return result;
  } finally {
    current = before;
  }
}

/** A context whose layers are those registered in `vllmConfig` (vLLM `create_forward_context`). */
export function createForwardContext(
  attnMetadata: ForwardContext['attnMetadata'],
  vllmConfig: VllmConfig,
  options: ForwardContextOptions = {},
): ForwardContext {
  const noCompileLayers = vllmConfig.compilationConfig?.staticForwardContext ?? {};
  return { noCompileLayers, virtualEngine: 0, ...options, attnMetadata };
}

/** Creates a context and runs `fn` in it (vLLM `set_forward_context`). */
export function setForwardContext<T>(
  attnMetadata: ForwardContext['attnMetadata'],
  vllmConfig: VllmConfig,
  options: ForwardContextOptions,
  fn: () => T,
): T {
  const context = createForwardContext(attnMetadata, vllmConfig, options);
  return overrideForwardContext(context, fn, 'setForwardContext');
}

/** One context a micro-batch; a context that is not cut comes back alone. */
export function ubatchContexts(context: ForwardContext): ForwardContext[] {
  const { attnMetadata } = context;
  if (!isList(attnMetadata)) return [context];
  return attnMetadata.map((one) => ({ ...context, attnMetadata: one, ubatchSlices: undefined }));
}

/** One layer's metadata; null in a profiling run. Layers that read another's cache may share its metadata. */
export function metadataFor(
  context: ForwardContext,
  name: string,
  target?: string | null,
): AttentionMetadata | null {
  const { attnMetadata } = context;
  if (attnMetadata === null) return null;
  if (isList(attnMetadata)) {
    throw new MissingMetadataError(
      `Attention '${name}': the forward context holds ${attnMetadata.length} micro-batches; ` +
        'run each in a context of its own (ubatchContexts)',
    );
  }
  if (isOne(attnMetadata)) return attnMetadata;
  const byLayer = attnMetadata as MetadataByLayer;
  const found = byLayer[name] ?? (target == null ? undefined : byLayer[target]);
  if (found === undefined) throw missing(name, 'attnMetadata', attnMetadata);
  return found;
}

/** One layer's cache in a context: its own entry, else the entry of the layer whose cache it reads, else what is bound. */
export function kvCacheFor(
  context: ForwardContext,
  name: string,
  target?: string | null,
  bound?: readonly KvCache[],
): KvCache {
  const { kvCaches = {}, virtualEngine = 0 } = context;
  const found =
    kvCaches[name] ?? (target == null ? undefined : kvCaches[target]) ?? bound?.[virtualEngine];
  if (found === undefined) throw missing(name, 'kvCaches', kvCaches);
  return found;
}

function missing(name: string, field: string, entries: object): MissingMetadataError {
  const names = Object.keys(entries).join(', ') || 'none';
  return new MissingMetadataError(
    `Attention '${name}': the forward context has no ${field} entry of that name (it has ${names}); ` +
      'add it, or name the layer as the context does',
  );
}

function isOne(metadata: AttentionMetadata | MetadataByLayer): boolean {
  // The second test is for plans of another copy of this package.
  return metadata instanceof AttentionMetadata || 'checkFor' in metadata;
}

function isList(metadata: ForwardContext['attnMetadata']): metadata is readonly MetadataByLayer[] {
  return Array.isArray(metadata);
}

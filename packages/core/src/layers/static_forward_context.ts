import type { RegisteredAttentionLayer, VllmConfig } from '../config.js';
import { InvalidArgumentError } from '../errors.js';

/** Layers by name (vLLM `CompilationConfig.static_forward_context`). */
export type StaticForwardContext = Record<string, RegisteredAttentionLayer>;

type NamedLayer = RegisteredAttentionLayer & { readonly name: string };

/** Where each layer is entered. */
const registrations = new WeakMap<object, StaticForwardContext[]>();
/** Layers that were given a `prefix` while no config was current. */
const processWide: StaticForwardContext = {};
let current: VllmConfig | undefined;

/** The config of the running scope, or undefined outside one (vLLM `get_current_vllm_config`). */
export function getCurrentVllmConfig(): VllmConfig | undefined {
  return current;
}

/**
 * Runs `fn`, in which new attention layers take their defaults from `vllmConfig` and are registered in its
 * `compilationConfig.staticForwardContext` (vLLM `set_current_vllm_config`). `fn` must not be async.
 *
 * @throws InvalidArgumentError where `fn` returns a promise.
 */
export function withCurrentVllmConfig<T>(vllmConfig: VllmConfig, fn: () => T): T {
  const before = current;
  current = vllmConfig;
  try {
    const result = fn();
    if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') {
      throw new InvalidArgumentError(
        'withCurrentVllmConfig: fn returned a promise, but the config is a synchronous scope; ' +
          'await first, then registerAttentionLayers(model.layers, vllmConfig)',
      );
    }
    return result;
  } finally {
    current = before;
  }
}

/** Where layers of a config are registered; without a config, where those with a `prefix` are. */
export function staticForwardContextOf(vllmConfig: VllmConfig | undefined): StaticForwardContext {
  if (vllmConfig === undefined) return processWide;
  vllmConfig.compilationConfig ??= { staticForwardContext: {} };
  return vllmConfig.compilationConfig.staticForwardContext;
}

/** @throws InvalidArgumentError 'Duplicate layer name: ...' where a live layer has the name. */
export function checkUniqueName(context: StaticForwardContext, name: string): void {
  if (!Object.hasOwn(context, name)) return;
  throw new InvalidArgumentError(
    `Duplicate layer name: ${name}; dispose() the layer of that name first, or choose another prefix`,
  );
}

/** Enters a layer under its own name, which must be free. */
export function registerLayer(context: StaticForwardContext, layer: NamedLayer): void {
  context[layer.name] = layer;
  registrations.set(layer, [...(registrations.get(layer) ?? []), context]);
}

/** Gives a layer's name free everywhere. */
export function forgetLayer(layer: NamedLayer): void {
  for (const context of registrations.get(layer) ?? []) delete context[layer.name];
  registrations.delete(layer);
}

/**
 * Registers the attention layers of a loaded model under their names, all or none: layers that tfjs makes while it reads
 * a model are not registered by themselves, so that one file may be loaded twice.
 *
 * ```js
 * const model = await tf.loadLayersModel(url);
 * registerAttentionLayers(model.layers, vllmConfig);
 * ```
 *
 * @throws InvalidArgumentError 'Duplicate layer name: ...' where the config has a live layer of that name.
 */
export function registerAttentionLayers(
  layers: readonly { readonly name: string }[],
  vllmConfig: VllmConfig,
): StaticForwardContext {
  const context = staticForwardContextOf(vllmConfig);
  const isAttention = (layer: object) => 'getKvCacheSpec' in layer && 'getAttnBackend' in layer;
  const found = layers.filter(isAttention) as readonly object[] as readonly NamedLayer[];
  found.forEach(({ name }) => checkUniqueName(context, name));
  found.forEach((layer) => registerLayer(context, layer));
  return context;
}

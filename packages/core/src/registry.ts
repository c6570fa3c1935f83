import { getBackend, version_core } from '@tensorflow/tfjs-core';
import { AttentionError } from './errors.js';
import type { KvCacheLayout } from './kv_cache/layout.js';
import type { KvStorage } from './kv_cache/storage.js';
import type { AttentionSpec } from './problem/spec.js';

/** What a backend package announces for one tfjs backend name. Announcing compiles and allocates nothing. */
export interface AttentionProvider {
  /** A name that `tf.setBackend` takes. */
  readonly tfBackend: string;
  /** The npm package, for messages. */
  readonly packageName: string;
  /** What serves now, in words, e.g. 'WASM relaxed SIMD, 1 thread'. Brings kernels up if they are not. */
  describe(): string;
  /** Reasons against running this spec; empty = it runs. */
  rejects(spec: AttentionSpec): string[];
  /** Reasons against holding this cache; empty = it holds. */
  rejectsCache(layout: KvCacheLayout): string[];
  /** @throws CapacityError where the memory is not to be had. */
  createKvStorage(layout: KvCacheLayout): KvStorage;
  /** Compiles what can be compiled ahead, asynchronously. */
  ready(): Promise<void>;
}

interface Registry {
  tfjsVersion: string;
  providers: Map<string, AttentionProvider>;
  /** Grows with every announcement, so that cached selections can be dropped. */
  generation: number;
}

const KEY = Symbol.for('@tfjs-attention');

/** One registry a process: ESM and CJS copies of this package share it, as tfjs shares its engine. */
function registry(): Registry {
  const home = globalThis as { [KEY]?: Registry };
  const found = (home[KEY] ??= { tfjsVersion: version_core, providers: new Map(), generation: 0 });
  if (found.tfjsVersion !== version_core) {
    throw new AttentionError(
      `two versions of @tensorflow/tfjs-core are loaded, ${found.tfjsVersion} and ${version_core}: ` +
        'install one (npm dedupe), kernels of one do not see the tensors of the other',
    );
  }
  return found;
}

/** Makes a backend package known; the newest announcement for a name wins. */
export function announceProvider(provider: AttentionProvider): void {
  const found = registry();
  found.providers.set(provider.tfBackend, provider);
  found.generation++;
}

/** Takes a provider back, e.g. after `tf.removeBackend`. */
export function retractProvider(tfBackend: string): void {
  const found = registry();
  if (found.providers.delete(tfBackend)) found.generation++;
}

export function providerFor(tfBackend: string): AttentionProvider | undefined {
  return registry().providers.get(tfBackend);
}

/** tfjs backend names that have fused kernels announced. */
export function announcedBackends(): string[] {
  return [...registry().providers.keys()];
}

/** What runs attention on a tfjs backend (default: the active one), in words; brings its kernels up. */
export function describeKernels(tfBackend: string = getBackend()): string {
  return providerFor(tfBackend)?.describe() ?? 'composed tfjs ops';
}

export function registryGeneration(): number {
  return registry().generation;
}

/** Brings up the kernels of one tfjs backend, or of all announced ones. */
export async function ready(tfBackend?: string): Promise<void> {
  const names = tfBackend === undefined ? announcedBackends() : [tfBackend];
  await Promise.all(names.map(async (name) => providerFor(name)?.ready()));
}

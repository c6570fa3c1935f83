import { backend, getBackend } from '@tensorflow/tfjs-core';
import {
  announceProvider,
  AttentionError,
  UnsupportedError,
  type AttentionProvider,
  type AttentionSpec,
  type KvCacheLayout,
} from '@tfjs-attention/core/provider';
import { HeapKvStorage } from './kv_storage.js';
import { bringUp, homeOf, requestedKind, siteOf, type Home } from './runtime.js';
import type { StockBackend } from './tensors/tfjs_backends.js';

/** Largest head size of the C kernels. */
const MAX_HEAD_SIZE = 576;

/** Serves one tfjs backend name, whose objects are of a stock kind. */
export class CpuProvider implements AttentionProvider {
  readonly packageName = '@tfjs-attention/backend-cpu';

  constructor(
    readonly tfBackend: string,
    private readonly stock: StockBackend,
  ) {}

  describe(): string {
    const home = this.home();
    if (home === undefined) return `tfjs backend '${this.tfBackend}' is not active`;
    try {
      return siteOf(home).describe();
    } catch (error) {
      if (error instanceof AttentionError) return error.message;
      throw error;
    }
  }

  rejects({ headSize, valueHeadSize }: AttentionSpec): string[] {
    return this.reasons(headSize, valueHeadSize);
  }

  rejectsCache({ headSize, valueHeadSize }: KvCacheLayout): string[] {
    return this.reasons(headSize, valueHeadSize);
  }

  createKvStorage(layout: KvCacheLayout): HeapKvStorage {
    return new HeapKvStorage(layout, siteOf(homeOf(this.stock, backend())));
  }

  async ready(): Promise<void> {
    await bringUp(this.home());
    // What was rejected for want of a module may now be had.
    announceProvider(this);
  }

  /** The tfjs backend object while it is the active one: looking it up otherwise would start it. */
  private home(): Home | undefined {
    return getBackend() === this.tfBackend ? homeOf(this.stock, backend()) : undefined;
  }

  private reasons(headSize: number, valueHeadSize: number): string[] {
    try {
      if (requestedKind() === 'typescript') return [];
    } catch (error) {
      if (error instanceof UnsupportedError) return [...error.reasons];
      throw error;
    }
    const largest = Math.max(headSize, valueHeadSize);
    return largest > MAX_HEAD_SIZE
      ? [`head size ${largest} is above ${MAX_HEAD_SIZE}, the most that the WASM kernels take`]
      : [];
  }
}

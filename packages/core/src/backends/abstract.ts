import { UnsupportedError } from '../errors.js';
import type { KvCacheDtype } from '../problem/params.js';
import type { AttentionSpec, Precision } from '../problem/spec.js';

/** Where a strategy is asked to run. */
export interface StrategySite {
  /** tf.getBackend() */
  tfBackend: string;
  /** Whether a gradient tape is recording. */
  recording: boolean;
}

/**
 * A strategy (vLLM `vllm.attention.backends.abstract.AttentionBackend`): static facts, no state, never instantiated.
 */
export abstract class AttentionBackend {
  /** The name that selectors, flags and the environment take. */
  static getName(): string {
    throw new UnsupportedError('AttentionBackend.getName', ['an abstract strategy has no name']);
  }

  /** Reasons against a spec at a site; empty = it runs. */
  static validateSpec(_spec: AttentionSpec, _site: StrategySite): string[] {
    return [`${this.name} does not say what it supports`];
  }

  /** Compute types; CPU kernels compute in float32 for all of them. */
  static getSupportedDtypes(): readonly Precision[] {
    return ['float32', 'float16', 'bfloat16'];
  }

  static getSupportedKvCacheDtypes(): readonly KvCacheDtype[] {
    return [];
  }

  /** Shape of the key cache; values are the same with Hv (vLLM keeps both in one tensor `[2, P, C, K, H]`). */
  static getKvCacheShape(
    numBlocks: number,
    blockSize: number,
    numKvHeads: number,
    headSize: number,
  ): number[] {
    return [numBlocks, blockSize, numKvHeads, headSize];
  }

  /** Axes of {@link getKvCacheShape} from slowest to fastest in memory. */
  static getKvCacheStrideOrder(): number[] {
    return [0, 1, 2, 3];
  }
}

// What page and worker say to each other.
import type { KvCacheDtype } from '@tfjs-attention/core';
import type { Sampling } from '../../generate/src/runner/sampler.js';

export interface RunSettings {
  prompt: string;
  maxTokens: number;
  sampling: Sampling;
  /** tfjs backend; undefined = the best that starts. */
  backend?: string;
  kvCacheDtype: KvCacheDtype | 'auto';
}

export type ToWorker =
  | { kind: 'run'; settings: RunSettings }
  /** Ends the run after the token that is being made. */
  | { kind: 'stop' }
  /** Asks how the query of token `position` looks at the keys, in one layer. */
  | { kind: 'look'; layer: number; position: number };

export interface ModelFacts {
  name: string;
  architecture: string;
  numLayers: number;
  numHeads: number;
  maxPositions: number;
}

/** A label and its text; an empty label goes on with the one before. */
export type FactRow = readonly [label: string, text: string];

export type FromWorker =
  | { kind: 'loading'; what: string; done: number; total: number }
  | { kind: 'loaded'; model: ModelFacts; backends: readonly string[] }
  /** The model is on its device; `tokens` are the prompt's. */
  | { kind: 'started'; rows: readonly FactRow[]; tokens: readonly string[]; cacheBytes: number }
  /** `text` is what has become certain, `token` the token alone; `ms` counts from the start of the prefill. */
  | { kind: 'token'; text: string; token: string; ms: number; usedBytes: number }
  | {
      kind: 'done';
      /** What the stream held back. */
      text: string;
      rows: readonly FactRow[];
      stopped: boolean;
      /** Tokens in the cache: those that a query can be taken from. */
      numStored: number;
    }
  /** `weights` `[numHeads, position + 1]`, row-major. */
  | { kind: 'attention'; layer: number; position: number; numHeads: number; weights: Float32Array }
  | { kind: 'failed'; message: string };

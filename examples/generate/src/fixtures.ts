// What the tests share: fixture checkpoints, Hugging Face's results for them, runners over them.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setBackend } from '@tensorflow/tfjs-core';
import { ready, type KvCacheDtype } from '@tfjs-attention/core';
import { Checkpoint } from './checkpoint/checkpoint.js';
import { DiskFiles } from './checkpoint/disk_files.js';
import { readModelConfig } from './config/config.js';
import { DecoderModel } from './model/model.js';
import { SequenceRunner, type SequenceRunnerOptions } from './runner/sequence_runner.js';
import { makeRopeTables, ropeFrequencies } from './model/rope.js';
import './tf_backend.js';
import { loadWeights } from './model/weights.js';

/** One prompt with the results of transformers in float32. */
export interface ReferenceCase {
  ids: number[];
  /** Scores after the last prompt token. */
  lastLogits: number[];
  /** Prompt and greedy continuation. */
  greedyIds: number[];
  /** Smallest distance in log-probability between first and second choice. */
  minTop2Gap: number;
  prompt?: string;
  greedyText?: string;
}

export const TINY_LLAMA = pathOf('../models/tiny-llama');

/** Folders of fixtures/ that hold a checkpoint of random weights. */
export type Variant =
  | 'llama3-rope-bf16'
  | 'mistral-window'
  | 'qwen2-yarn'
  | 'qwen3-shards'
  | 'gemma2-softcap'
  | 'gptoss-sinks'
  | 'gptoss-mxfp4';

export function variantPath(name: Variant): string {
  return pathOf(`../fixtures/${name}`);
}

/** Below this distance rounding may choose otherwise. */
export const CLEAR_GAP = 0.01;

interface ReferenceFile {
  cases: (Omit<ReferenceCase, 'ids'> & { ids?: number[]; promptIds?: number[] })[];
  perplexityProbe?: { ids: number[]; meanLoss: number };
}

export function readReference(name: 'tiny-llama' | Variant): {
  cases: ReferenceCase[];
  probe?: { ids: number[]; meanLoss: number };
} {
  const text = readFileSync(pathOf(`../fixtures/${name}/reference.json`), 'utf8');
  const { cases, perplexityProbe } = JSON.parse(text) as ReferenceFile;
  return {
    cases: cases.map((given) => ({ ...given, ids: given.ids ?? given.promptIds ?? [] })),
    probe: perplexityProbe,
  };
}

/** A model on a tfjs backend, which becomes the active one; its rotary frequencies may be rounded. */
export async function openModel(
  directory: string,
  backend: string,
  maxTokens = 640,
  round: (frequency: number) => number = (frequency) => frequency,
): Promise<DecoderModel> {
  await setBackend(backend);
  await ready(backend);
  const files = new DiskFiles(directory);
  const config = readModelConfig(files);
  const checkpoint = Checkpoint.open(files);
  const weights = loadWeights(checkpoint, config);
  checkpoint.close();
  const exact = ropeFrequencies(config.rope, config.headSize, maxTokens);
  const rope = { ...exact, frequencies: exact.frequencies.map(round) };
  return new DecoderModel(config, weights, makeRopeTables(rope, maxTokens));
}

export function openRunner(
  model: DecoderModel,
  options: Partial<SequenceRunnerOptions> = {},
): SequenceRunner {
  const kvCacheDtype: KvCacheDtype = 'float32';
  return new SequenceRunner(model, {
    maxTokens: 640,
    blockSize: 16,
    prefillChunk: 256,
    kvCacheDtype,
    ...options,
  });
}

/** Largest distance between two lists of scores. */
export function maxDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}

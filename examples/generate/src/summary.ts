import { explainAttnBackend, type KvCacheDtype } from '@tfjs-attention/core';
import type { ModelConfig } from './config/config.js';
import type { Sampling } from './runner/sampler.js';
import type { BackendChoice } from './tf_backend.js';

/** A label and its text. */
export type Row = [string, string];

export interface EnvironmentFacts {
  choice: BackendChoice;
  /** What runs the attention kernels, in words. */
  kernels: string;
  config: ModelConfig;
  kvCacheDtype: KvCacheDtype | 'auto';
  blockSize: number;
}

export interface CacheFacts {
  kvCacheDtype: KvCacheDtype | 'auto';
  blockSize: number;
  numBlocks: number;
  /** Layers of each group. */
  groups: readonly number[];
}

export function formatRows(rows: readonly Row[]): string {
  return rows.map(([label, text]) => `${label.padEnd(14)}${text}\n`).join('');
}

/** What runs, and why. */
export function environmentRows(facts: EnvironmentFacts): Row[] {
  const { choice } = facts;
  return [
    ['tfjs backend', `${choice.name}: ${choice.why}`],
    ...choice.others.map(({ name, why }): Row => ['', `not ${name}: ${why}`]),
    ...attentionRows(facts),
  ];
}

function attentionRows({
  config,
  kvCacheDtype,
  blockSize,
  kernels: words,
}: EnvironmentFacts): Row[] {
  const { backend, kernels, rejected } = explainAttnBackend({
    headSize: config.headSize,
    kvCacheDtype,
    blockSize,
    hasSink: config.architecture.sinks,
    hasSlidingWindow: config.slidingWindows.some((window) => window !== null),
    useSoftCap: config.logitsSoftCap > 0,
  });
  const fused = kernels === 'FUSED';
  const strategy = backend.getName();
  const name = strategy === kernels ? strategy : `${strategy} on ${kernels}`;
  const others = rejected.map(({ name, reasons }): Row => [
    '',
    `not ${name}: ${reasons.join(', ')}`,
  ]);
  return [
    ['attention', `${name}: ${fused ? words : 'stock tfjs ops'}`],
    ...others,
    ...(fused ? [['', 'not COMPOSED: FUSED comes first and takes this problem'] as Row] : []),
  ];
}

export function cacheText({ kvCacheDtype, blockSize, numBlocks, groups }: CacheFacts): string {
  const dtype = kvCacheDtype === 'auto' ? 'float32 (auto)' : kvCacheDtype;
  const shared = groups.length > 1 ? `, shared by ${groups.length} groups of layers` : '';
  return `${dtype}, ${numBlocks} blocks of ${blockSize} tokens${shared}, one of them the null block`;
}

export function samplingText(sampling: Sampling): string {
  if (sampling.kind === 'greedy') return 'greedy';
  const { temperature, topK, seed } = sampling;
  return `temperature ${temperature}, ${topK === null ? 'no top-k' : `top-k ${topK}`}, seed ${seed}`;
}

export function speedText(tokens: number, ms: number): string {
  const perSecond = (tokens / ms) * 1000;
  return `${group(tokens)} token${tokens === 1 ? '' : 's'} in ${ms.toFixed(0)} ms, ${perSecond.toFixed(1)} tokens/s`;
}

export function group(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

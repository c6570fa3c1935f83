import { explainAttnBackend, type KvCacheDtype } from '@tfjs-attention/core';
import type { ModelConfig } from './config/config.js';
import type { GenerateResult } from './runner/generate.js';
import type { SequenceRunner } from './runner/sequence_runner.js';
import type { Sampling } from './runner/sampler.js';
import type { BackendChoice } from './tf_backend.js';

export interface RunFacts {
  choice: BackendChoice;
  /** What runs the attention kernels, in words. */
  kernels: string;
  config: ModelConfig;
  kvCacheDtype: KvCacheDtype | 'auto';
  blockSize: number;
  sampling: Sampling;
  promptTokens: number;
  result: GenerateResult;
  memory: ReturnType<SequenceRunner['memory']>;
}

/** A label and its text. */
type Row = [string, string];

/** What ran, why, how fast and on how much memory, a line each. */
export function summarize(facts: RunFacts): string {
  const { choice, sampling, promptTokens, result, memory } = facts;
  const decoded = result.ids.length - 1;
  const rows: Row[] = [
    ['tfjs backend', `${choice.name}: ${choice.why}`],
    ...choice.others.map(({ name, why }): Row => ['', `not ${name}: ${why}`]),
    ...attentionRows(facts),
    ['KV cache', cacheText(facts)],
    ['', `${group(memory.usedBytes)} of ${group(memory.bytes)} bytes used`],
    ['sampling', samplingText(sampling)],
    ['prefill', speedText(promptTokens, result.prefillMs)],
    ['decode', decoded > 0 ? speedText(decoded, result.decodeMs) : 'nothing after the first token'],
  ];
  return rows.map(([label, text]) => `${label.padEnd(14)}${text}\n`).join('');
}

function attentionRows({ config, kvCacheDtype, blockSize, kernels: words }: RunFacts): Row[] {
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

function cacheText({ kvCacheDtype, blockSize, memory }: RunFacts): string {
  const dtype = kvCacheDtype === 'auto' ? 'float32 (auto)' : kvCacheDtype;
  const { numBlocks, groups } = memory;
  const shared = groups.length > 1 ? `, shared by ${groups.length} groups of layers` : '';
  return `${dtype}, ${numBlocks} blocks of ${blockSize} tokens${shared}, one of them the null block`;
}

function samplingText(sampling: Sampling): string {
  if (sampling.kind === 'greedy') return 'greedy';
  const { temperature, topK, seed } = sampling;
  return `temperature ${temperature}, ${topK === null ? 'no top-k' : `top-k ${topK}`}, seed ${seed}`;
}

function speedText(tokens: number, ms: number): string {
  const perSecond = (tokens / ms) * 1000;
  return `${group(tokens)} token${tokens === 1 ? '' : 's'} in ${ms.toFixed(0)} ms, ${perSecond.toFixed(1)} tokens/s`;
}

function group(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

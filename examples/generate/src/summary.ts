import { explainAttnBackend, type KvCacheDtype } from '@tfjs-attention/core';
import type { GenerateResult } from './generate.js';
import type { ModelRunner } from './model_runner.js';
import type { Sampling } from './sampler.js';
import type { BackendChoice } from './tf_backend.js';

export interface RunFacts {
  choice: BackendChoice;
  /** What runs the attention kernels, in words. */
  kernels: string;
  headSize: number;
  kvCacheDtype: KvCacheDtype | 'auto';
  blockSize: number;
  sampling: Sampling;
  promptTokens: number;
  result: GenerateResult;
  memory: ReturnType<ModelRunner['memory']>;
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

function attentionRows(facts: RunFacts): Row[] {
  const { backend, rejected } = explainAttnBackend(facts);
  const name = backend.getName();
  const fused = name === 'FUSED';
  const rows: Row[] = [['attention', `${name}: ${fused ? facts.kernels : 'stock tfjs ops'}`]];
  rows.push(
    ...rejected.map(({ name, reasons }): Row => ['', `not ${name}: ${reasons.join(', ')}`]),
  );
  if (fused) rows.push(['', 'not COMPOSED: FUSED comes first and takes this problem']);
  else if (rejected.length === 0) rows.push(['', `not FUSED: ${name} was asked for`]);
  return rows;
}

function cacheText({ kvCacheDtype, blockSize, memory }: RunFacts): string {
  const dtype = kvCacheDtype === 'auto' ? 'float32 (auto)' : kvCacheDtype;
  return `${dtype}, ${memory.numBlocks} blocks of ${blockSize} tokens a layer`;
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

import { cacheText, group, samplingText, type Row } from '../summary.js';
import type { Engine, EngineOptions } from './engine.js';
import type { ServingRequest } from './request.js';
import type { SchedulerStats } from './scheduler.js';

export interface ServingFacts extends EngineOptions {
  requests: readonly ServingRequest[];
  stats: SchedulerStats;
  memory: ReturnType<Engine['memory']>;
  elapsedMs: number;
}

/** What the summary says of many prompts. */
export function servingRows(facts: ServingFacts): Row[] {
  const { requests, stats, memory, sampling, maxNumSeqs, maxNumBatchedTokens } = facts;
  const seeds = sampling.kind === 'random' ? ' for the first prompt, then one more each' : '';
  const limits = `up to ${counted(maxNumSeqs, 'prompt')} and ${counted(maxNumBatchedTokens, 'token')}`;
  return [
    ['KV cache', cacheText({ ...facts, ...memory })],
    ['', `${group(memory.bytes)} bytes`],
    ['blocks', `at most ${memory.mostBlocks} of ${memory.numBlocks - 1} in use`],
    ['prefix cache', prefixText(facts)],
    ['preemptions', preemptionText(stats)],
    ['sampling', samplingText(sampling) + seeds],
    ['steps', `${group(stats.steps)} for ${counted(requests.length, 'prompt')}, each ${limits}`],
    ['serving', speedText(facts)],
  ];
}

function prefixText({ prefixCaching, stats: { hitTokens, startedTokens } }: ServingFacts): string {
  if (!prefixCaching) return 'off';
  const found = `${group(hitTokens)} of ${group(startedTokens)} prompt tokens found`;
  return `${found}, a hit rate of ${percent(hitTokens, startedTokens)}`;
}

function preemptionText(stats: SchedulerStats): string {
  const { preemptions, restartedTokens, restartHitTokens } = stats;
  if (preemptions === 0) return 'none';
  const again = group(restartedTokens - restartHitTokens);
  return `${preemptions}; ${group(restartHitTokens)} of their tokens were still cached, ${again} computed again`;
}

function speedText({ requests, stats, elapsedMs }: ServingFacts): string {
  const generated = requests.reduce((sum, { numOutputTokens }) => sum + numOutputTokens, 0);
  const perSecond = (generated / elapsedMs) * 1000;
  return (
    `${group(generated)} tokens generated, ${group(stats.computedTokens)} computed in ${elapsedMs.toFixed(0)} ms, ` +
    `${perSecond.toFixed(1)} tokens/s`
  );
}

function counted(count: number, thing: string): string {
  return `${group(count)} ${thing}${count === 1 ? '' : 's'}`;
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}

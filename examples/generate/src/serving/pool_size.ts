import { makeKvCacheConfig } from '@tfjs-attention/core';
import { blocksForOne, type CacheSpecs } from '../runner/kv_caches.js';
import { demand } from '../user_error.js';
import type { ServingRequest } from './request.js';
import type { ServingOptions } from './serving_options.js';

/** Beyond it a pool that is not asked for is no kindness. */
const MOST_BYTES = 2 ** 30;

/**
 * Blocks of the pool, the null block included: those asked for, else as many as the requests that run at once can need
 * without preemption, in up to 1 GiB.
 *
 * @throws UserError naming a request that would not fit even alone.
 */
export function poolSize(
  specs: CacheSpecs,
  requests: readonly ServingRequest[],
  {
    numBlocks,
    maxNumSeqs,
    maxNumBatchedTokens,
  }: Pick<ServingOptions, 'numBlocks' | 'maxNumSeqs' | 'maxNumBatchedTokens'>,
): number {
  const needed = requests.map((request) => {
    const tokens = longestText(request);
    return blocksForOne(specs, tokens, Math.min(maxNumBatchedTokens, tokens));
  });
  if (numBlocks === undefined) return enoughBlocks(specs, needed, maxNumSeqs);
  requests.forEach(({ requestId, numPromptTokens, maxTokens }, i) =>
    demand(
      needed[i] <= numBlocks,
      `${requestId}: ${numPromptTokens} prompt tokens and ${maxTokens} new ones need ${needed[i]} cache blocks, the null block ` +
        `included, and --num-blocks is ${numBlocks}; raise it, shorten the prompt or lower --max-tokens`,
    ),
  );
  return numBlocks;
}

/** Tokens of a request that pass through the model: the last that is generated is never fed back. */
export function longestText({ numPromptTokens, maxTokens }: ServingRequest): number {
  return numPromptTokens + maxTokens - 1;
}

function enoughBlocks(specs: CacheSpecs, needed: readonly number[], maxNumSeqs: number): number {
  const largest = needed.map((blocks) => blocks - 1).sort((a, b) => b - a);
  const together = largest.slice(0, maxNumSeqs).reduce((sum, blocks) => sum + blocks, 0);
  const { kvCacheTensors } = makeKvCacheConfig(specs, { numBlocks: 2 });
  const bytesPerBlock = kvCacheTensors.reduce((sum, { size }) => sum + size / 2, 0);
  const affordable = Math.floor(MOST_BYTES / bytesPerBlock);
  return 1 + Math.max(largest[0], Math.min(together, affordable));
}

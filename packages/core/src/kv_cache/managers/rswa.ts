import type { RSWASpec } from '../spec.js';
import { FullAttentionManager } from './full_attention.js';

/**
 * Blocks between a request's reference prefix and its window are given back (vLLM `RSWAManager`). A request that does not
 * say how long its prefix is keeps everything. Hits are those of full attention: which blocks of a prefix will be seen
 * depends on the request, so all of them have to be there.
 */
export class RSWAManager extends FullAttentionManager<RSWASpec> {
  protected override firstUsefulToken(numComputedTokens: number): number {
    return Math.max(0, numComputedTokens - this.kvCacheSpec.rswaWindow + 1);
  }

  protected override tokensKeptInFront(rswaPrefixLen = Infinity): number {
    return rswaPrefixLen;
  }
}

import { UnsupportedError } from '../../errors.js';
import { check } from '../../problem/checks.js';
import type { KvCacheBlock } from '../block.js';
import type { CrossAttentionSpec } from '../spec.js';
import { SingleTypeKvCacheManager } from './single_type.js';

const reason = 'encoder keys depend on the encoder input, not on the tokens of the decoder';

/** Room for the encoder's keys, taken at once and kept to the end (vLLM `CrossAttentionManager`). */
export class CrossAttentionManager extends SingleTypeKvCacheManager<CrossAttentionSpec> {
  override saveNewComputedBlocks(
    requestId: string,
    newComputedBlocks: readonly KvCacheBlock[],
  ): void {
    check(
      newComputedBlocks.length === 0,
      'CrossAttentionManager.saveNewComputedBlocks',
      `request '${requestId}' cannot start with cached blocks: ${reason}`,
    );
    super.saveNewComputedBlocks(requestId, newComputedBlocks);
  }

  override cacheBlocks(): void {
    throw new UnsupportedError('CrossAttentionManager.cacheBlocks', [reason]);
  }

  override findLongestCacheHit(): KvCacheBlock[][] {
    throw new UnsupportedError('CrossAttentionManager.findLongestCacheHit', [reason]);
  }

  override getNumCommonPrefixBlocks(): number {
    return 0;
  }

  protected override firstUsefulToken(): number {
    return 0;
  }
}

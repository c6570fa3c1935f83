import type { KvCacheBlock } from '../block.js';
import type { SinkFullAttentionSpec } from '../spec.js';
import { FullAttentionManager } from './full_attention.js';
import type { ManagerOptions } from './single_type.js';

/** As full attention, with blocks set aside for learned keys (vLLM `SinkFullAttentionManager`). */
export class SinkFullAttentionManager extends FullAttentionManager<SinkFullAttentionSpec> {
  /** Blocks of the learned keys, which every block table row begins with. */
  readonly sinkBlocks: readonly KvCacheBlock[];

  constructor(options: ManagerOptions<SinkFullAttentionSpec>) {
    super(options);
    const { sinkLen, blockSize } = options.kvCacheSpec;
    this.sinkBlocks = options.blockPool.reserveBlocks(sinkLen / blockSize);
  }
}

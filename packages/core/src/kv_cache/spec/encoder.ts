import type { VllmConfig } from '../../config.js';
import { checkInt } from '../../problem/checks.js';
import { AttentionKvCacheSpec } from './attention.js';

/** Encoders read their keys from the batch itself and keep none. */
export class EncoderOnlyAttentionSpec extends AttentionKvCacheSpec {
  override maxMemoryUsageBytes(): number {
    return 0;
  }

  override maxBlocksPerSeq(): number {
    return 0;
  }
}

/** Keys written once from the encoder and read by every decoder step; tokens are the encoder's. */
export class CrossAttentionSpec extends AttentionKvCacheSpec {
  override maxMemoryUsageBytes({ schedulerConfig }: VllmConfig): number {
    const tokens = schedulerConfig.maxNumEncoderInputTokens;
    checkInt(
      tokens,
      'CrossAttentionSpec.maxMemoryUsageBytes',
      'schedulerConfig.maxNumEncoderInputTokens',
      1,
    );
    return Math.ceil(tokens / this.blockSize) * this.pageSizeBytes();
  }
}

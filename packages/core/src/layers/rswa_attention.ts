import type { serialization } from '@tensorflow/tfjs-core';
import type { VllmConfig } from '../config.js';
import { RSWASpec } from '../kv_cache/spec.js';
import { check, checkInt } from '../problem/checks.js';
import { Attention } from './attention.js';
import type { AttentionArgs } from './attention_config.js';
import { specOptions } from './attention_spec.js';
import { registerLayerClass } from './serializable.js';

export interface RSWAAttentionArgs extends AttentionArgs {
  /** Keys visible behind a query, the own one included. */
  rswaWindow: number;
  /** Keys before this position stay visible in dense use, where there are no metadata to say so. Default 0. */
  rswaPrefixLen?: number;
}

/**
 * Reference sliding window attention (vLLM `RSWAAttention`): a token sees the last `rswaWindow` keys and the first
 * `rswaPrefixLens[r]` of its request, which the metadata bring; blocks between the two may be freed.
 *
 * ```js
 * const layer = new RSWAAttention({numHeads: 8, headSize: 64, rswaWindow: 2, rswaPrefixLen: 1});
 * layer.apply([q, k, v]);  // token 5 sees 0, 4, 5
 * ```
 *
 * @throws InvalidArgumentError for a window beside `rswaWindow`, or an attnType other than 'decoder'.
 */
export class RSWAAttention extends Attention {
  static override className = 'tfjs_attention>RSWAAttention';
  readonly rswaWindow: number;
  readonly rswaPrefixLen: number;

  constructor(args: RSWAAttentionArgs) {
    const op = new.target.name;
    const { rswaWindow, rswaPrefixLen = 0, attnType = 'decoder' } = args ?? {};
    checkInt(rswaWindow, op, 'rswaWindow', 1);
    checkInt(rswaPrefixLen, op, 'rswaPrefixLen', 0);
    check(attnType === 'decoder', op, `attnType must be 'decoder', got '${attnType}'`);
    const others = [
      args.slidingWindow,
      args.perLayerSlidingWindow,
      args.cacheConfig?.slidingWindow,
    ];
    const other = others.find((window) => window != null && window !== rswaWindow);
    check(other === undefined, op, `rswaWindow ${rswaWindow} excludes another window, ${other}`);
    super({ ...args, slidingWindow: rswaWindow, perLayerSlidingWindow: null });
    this.rswaWindow = rswaWindow;
    this.rswaPrefixLen = rswaPrefixLen;
  }

  protected override denseOptions() {
    const { rswaPrefixLen } = this;
    return { ...super.denseOptions(), ...(rswaPrefixLen > 0 && { rswaPrefixLen }) };
  }

  override getKvCacheSpec(vllmConfig: VllmConfig): RSWASpec {
    return new RSWASpec({ ...specOptions(this, vllmConfig), rswaWindow: this.rswaWindow });
  }

  protected override ownConfig(): serialization.ConfigDict {
    return { rswaWindow: this.rswaWindow, rswaPrefixLen: this.rswaPrefixLen };
  }
}

registerLayerClass(RSWAAttention);

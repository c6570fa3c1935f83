import type { ModelConfig } from '../config.js';
import { check, checkInt } from '../problem/checks.js';

/** Slot of a token that is padding: nothing is written for it. */
export const PAD_SLOT_ID = -1;

/** Sizes of multi-head latent attention (vLLM `MLADims`). */
export interface MLADims {
  /** Null: queries are not compressed. */
  qLoraRank: number | null;
  kvLoraRank: number;
  qkNopeHeadDim: number;
  qkRopeHeadDim: number;
  vHeadDim: number;
}

const OP = 'getMlaDims';

/**
 * Reads the sizes of latent attention from a Hugging Face text config (`q_lora_rank kv_lora_rank qk_nope_head_dim
 * qk_rope_head_dim v_head_dim`).
 *
 * @throws InvalidArgumentError where one is missing; only `q_lora_rank` may be.
 */
export function getMlaDims(modelConfig: ModelConfig): MLADims {
  const config = modelConfig.hfTextConfig ?? {};
  const read = (name: string): number => {
    const value = config[name];
    checkInt(value, OP, `hfTextConfig.${name}`, 1);
    return value;
  };
  check(
    'kv_lora_rank' in config,
    OP,
    'hfTextConfig has no kv_lora_rank: the model has no latent attention',
  );
  return {
    qLoraRank: config.q_lora_rank == null ? null : read('q_lora_rank'),
    kvLoraRank: read('kv_lora_rank'),
    qkNopeHeadDim: read('qk_nope_head_dim'),
    qkRopeHeadDim: read('qk_rope_head_dim'),
    vHeadDim: read('v_head_dim'),
  };
}

const QUANTIZED = ['fp8', 'int8', 'int4', 'nvfp4', 'turboquant'];

/** Whether a cache of this type holds less than 16 bits a lane ('auto' and the float types: no). */
export function isQuantizedKvCache(kvCacheDtype: string): boolean {
  return QUANTIZED.some((prefix) => kvCacheDtype.startsWith(prefix));
}

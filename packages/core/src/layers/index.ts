export { Attention } from './attention.js';
export { ATTENTION_TYPES } from './attention_config.js';
export type { AttentionArgs, AttentionConfig, AttentionType } from './attention_config.js';

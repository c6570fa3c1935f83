export { Attention } from './layers/attention.js';
export type { AttentionArgs, AttentionType } from './layers/attention_config.js';
export { getForwardContext, withForwardContext, type ForwardContext } from './forward_context.js';

export * from '../metadata/index.js';
export {
  flashAttnSupportsFp8,
  flashAttnSupportsMla,
  flashAttnSupportsSinks,
  getFlashAttnVersion,
  isFlashAttnVarlenFuncAvailable,
} from './fa_utils.js';
export { AttentionPlan, planAttention } from './plan_attention.js';
export type { AttentionPlanOptions, PlanResource } from './plan_attention.js';
export { bindKvCache } from './bind_kv_cache.js';
export { validateKvSharingTarget } from './kv_sharing.js';
export { maybeTransferKvLayer } from './kv_transfer.js';
export { extractLayerIndex } from './layer_index.js';

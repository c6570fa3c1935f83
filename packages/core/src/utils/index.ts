export { AttentionPlan, planAttention } from './plan_attention.js';
export type { AttentionMetadata, PlanResource } from './plan_attention.js';

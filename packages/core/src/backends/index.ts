export { AttentionBackend, type StrategySite } from './abstract.js';
export { ComposedAttentionBackend } from './composed.js';
export { FusedAttentionBackend } from './fused.js';
export { STRATEGIES, type StrategyName } from './registry.js';

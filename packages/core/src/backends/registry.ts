import type { AttentionBackend } from './abstract.js';
import { ComposedAttentionBackend } from './composed.js';
import { FusedAttentionBackend } from './fused.js';

/** Strategies by the name that flags, environment and constructor arguments take. */
export const STRATEGIES = {
  FUSED: FusedAttentionBackend,
  COMPOSED: ComposedAttentionBackend,
} as const satisfies Readonly<Record<string, typeof AttentionBackend>>;

export type StrategyName = keyof typeof STRATEGIES;

import type { Feature } from '@tfjs-attention/core/provider';

/** Definitions for those features of a spec that a stage reads. */
export function featureFlags(features: readonly Feature[], parts: readonly Feature[]): string[] {
  return features
    .filter((feature) => parts.includes(feature))
    .map((feature) => `FEATURE_${feature.replace(/[A-Z]/g, '_$&').toUpperCase()}`);
}

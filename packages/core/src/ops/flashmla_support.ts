import { getBackend } from '@tensorflow/tfjs-core';
import { specKey, type AttentionSpec } from '../problem/spec.js';
import { providerFor } from '../registry.js';

/** Whether kernels of the active tfjs backend take latent caches of 576 and 512 lanes, and if not why. */
export function isFlashmlaDenseSupported(): [supported: boolean, reason: string | null] {
  const provider = providerFor(getBackend());
  if (provider === undefined) {
    return [false, `no attention package is loaded for tfjs backend '${getBackend()}'`];
  }
  const reasons = provider.rejects(LATENT);
  return [
    reasons.length === 0,
    reasons.length === 0 ? null : `${specKey(LATENT)}: ${reasons.join('; ')}`,
  ];
}

/** As {@link isFlashmlaDenseSupported}: chosen slots are blocks of one token to the same kernels. */
export const isFlashmlaSparseSupported = isFlashmlaDenseSupported;

/** DeepSeek's latent attention, absorbed. */
const LATENT: AttentionSpec = {
  phase: 'decode',
  headSize: 576,
  valueHeadSize: 512,
  queriesPerKv: 16,
  kv: { kind: 'paged', blockSize: 64 },
  kvDtype: 'float32',
  features: [],
  returnLse: true,
  precision: 'float32',
};

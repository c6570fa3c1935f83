import { getBackend } from '@tensorflow/tfjs-core';
import { announcedBackends } from '@tfjs-attention/core';
import type { FusedCall } from './fused.js';

/** Beyond this many bytes of scores even composed ops a slab at a time are better than the whole matrix. */
const LARGE_SCORES = 64 * 2 ** 20;

/** On webgl a fused call is half a dozen draws, which up to so many scores do not pay for. */
const FEW_SCORES_ON_WEBGL = 2 ** 18;

/** Which way a call goes when the program leaves it open. */
export type Choice = 'FUSED' | 'COMPOSED' | 'stock';

/**
 * The faster way, by measurement (bench/graph_attention.ts): with fused kernels on the active tfjs backend they win at every
 * length, on webgl from some length on; without them the graph's own ops do, until their score matrix grows too large.
 */
export function choose({ scores }: FusedCall): Choice {
  const backend = getBackend();
  if (backend === 'webgl' && scores <= FEW_SCORES_ON_WEBGL) return 'stock';
  if (announcedBackends().includes(backend)) return 'FUSED';
  return scores * 4 > LARGE_SCORES ? 'COMPOSED' : 'stock';
}

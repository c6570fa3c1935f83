import { expandDims, eye, keep, reshape, tensor1d, tidy, tile } from '@tensorflow/tfjs-core';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';
import { flashAttention, gatherCache, withForwardContext } from '@tfjs-attention/core';
import type { ModelRunner } from './model_runner.js';
import { planStep, type SequenceStep } from './step_plan.js';

/** One token that the cache holds with everything before it. */
export interface StoredToken {
  id: number;
  position: number;
  blockIds: SequenceStep['blockIds'];
}

/**
 * How much each query head of a layer looks at each key up to and including the token's own: `[N, position + 1]`.
 *
 * The token passes through the model once more and stores nothing; its queries meet the keys as the cache holds them.
 * Attention over unit vectors as values gives its weights, so windows, soft caps and sinks count as they do in the layer.
 */
export function attentionWeights(
  { model, caches }: ModelRunner,
  { id, position, blockIds }: StoredToken,
  layer: number,
): Tensor2D {
  const attention = model.attention[layer];
  const { name } = attention;
  const steps = [{ start: position, count: 1, blockIds }];
  const { attnMetadata, dispose } = planStep(steps, caches.config, { store: false });
  let q: Tensor3D | undefined;
  try {
    const onQueries = (i: number, queries: Tensor3D) => {
      if (i === layer) q = keep(queries);
    };
    tidy(() => {
      const context = { attnMetadata, kvCaches: caches.byLayer };
      withForwardContext(context, () =>
        model.hidden(tensor1d([id], 'int32'), tensor1d([position], 'int32'), onQueries),
      );
    });
    return tidy(() => {
      const { key } = gatherCache(caches.byLayer[name], attnMetadata[name]);
      const [S, K] = key.shape;
      const units = tile(reshape(eye(S), [1, S, 1, S]), [1, 1, K, 1]);
      const { scale, slidingWindow, logitsSoftCap, sinks } = attention.config;
      const weights = flashAttention(expandDims(q as Tensor3D), expandDims(key), units, {
        causal: true,
        softmaxScale: scale,
        logitsSoftCap,
        ...(slidingWindow !== null && { slidingWindow }),
        ...(sinks && { sinks }),
        implementation: 'COMPOSED',
      });
      return reshape(weights, [-1, S]);
    });
  } finally {
    q?.dispose();
    dispose();
  }
}

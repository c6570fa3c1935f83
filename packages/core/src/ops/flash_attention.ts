import { tidy, type Tensor } from '@tensorflow/tfjs-core';
import { composedAttention } from '../composed/attention.js';
import { recordedAttention } from '../gradients/attention.js';
import { runAttentionKernel } from '../kernels.js';
import { describeDense } from '../problem/dense.js';
import type { AttentionResult, FlashAttentionOptions } from '../problem/options.js';
import { gradientDepth, selectKernels } from '../selector/kernels.js';
import { attentionResult } from './result.js';

const OP = 'flashAttention';

/**
 * Dense attention without a score matrix (Dao et al., FlashAttention-2, 2023).
 *
 * `q` `[B, S, N, H]`, `k` `[B, S', K, H]`, `v` `[B, S', K, Hv]` float32 (layout 'bsnh'; 'bnsh' swaps axes 1 and 2);
 * N must be a multiple of K. Returns `[B, S, N, Hv]` in the same layout, with `returnLse` also lse `[B, S, N]`.
 * A row that sees no key gives 0 and lse -Infinity. Differentiable once by q, k, v, bias, alibiSlopes, sinks, qqBias and
 * through lse, without a score matrix where the backend has a backward kernel (cpu, wasm), else by stock ops.
 *
 * ```js
 * flashAttention(q, k, v, {causal: true, slidingWindow: 3});  // position 5 sees keys 3, 4, 5
 * flashAttention(q, k, v, {causal: true});  // 2 queries, 5 keys: the last query meets the last key; query 0 sees keys 0-3
 * ```
 *
 * @throws InvalidArgumentError for shapes, dtypes or options; UnsupportedError where `implementation` cannot be met.
 */
export function flashAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: FlashAttentionOptions & { returnLse: true },
): AttentionResult;
export function flashAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options?: FlashAttentionOptions & { returnLse?: false },
): Tensor;
export function flashAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options?: FlashAttentionOptions,
): Tensor | AttentionResult;
export function flashAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: FlashAttentionOptions = {},
): Tensor | AttentionResult {
  return tidy(OP, () => {
    const { problem, tensors } = describeDense(OP, q, k, v, options);
    const { kernels } = selectKernels(OP, problem.spec, options.implementation);
    const fused = () =>
      gradientDepth() > 0
        ? recordedAttention(problem, tensors)
        : runAttentionKernel('TfjsAttnPrefill', tensors, { problem });
    const results =
      kernels === 'FUSED' ? fused() : composedAttention(problem, { ...tensors, k, v });
    // A named result is no tensor container in tfjs's types, though tidy walks it.
    return attentionResult(results, options.returnLse) as Tensor;
  });
}

import { tidy, type Tensor } from '@tensorflow/tfjs-core';
import { composedPagedAttention } from '../composed/paged.js';
import { InvalidArgumentError, UnsupportedError } from '../errors.js';
import { runAttentionKernel } from '../kernels.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import type { AttentionOptions, AttentionResult } from '../problem/options.js';
import { describePaged } from '../problem/paged.js';
import type { AttentionProblem, AttentionTensors } from '../problem/problem.js';
import { selectKernels, type KernelChoice, type Kernels } from '../selector/kernels.js';
import { AttentionPlan } from '../utils/plan_attention.js';
import { attentionResult } from './result.js';

/**
 * Attention over a cache under an op's name; causal unless told otherwise. `layout` may be another view of the same bytes:
 * blocks of another size.
 */
export function runPaged(
  op: string,
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: AttentionOptions,
  layout = cache.layout,
): Tensor | AttentionResult {
  const storage = cache.storageFor(op);
  return tidy(op, () => {
    const described = describePaged(op, q, layout, plan, { causal: true, ...options });
    const choice = selectKernels(op, described.problem.spec, options.implementation);
    const { problem, tensors } = turned(cache, described);
    const [output, ...lse] =
      kernelsOver(op, cache, choice, options) === 'FUSED'
        ? runAttentionKernel('TfjsAttnPaged', tensors, { problem, storage })
        : composedPagedAttention(problem, tensors, storage);
    const result = cache.rotation?.turnBack(output) ?? output;
    // A named result is no tensor container in tfjs's types, though tidy walks it.
    return attentionResult([result, ...lse], options.returnLse) as Tensor;
  });
}

/** As {@link runPaged}, with lse. */
export function runPagedState(
  op: string,
  q: Tensor,
  cache: KvCache,
  plan: AttentionPlan,
  options: AttentionOptions,
): AttentionResult {
  return runPaged(op, q, cache, plan, { ...options, returnLse: true }) as AttentionResult;
}

interface Described {
  problem: AttentionProblem;
  tensors: AttentionTensors;
}

/** The query turned as the cache's keys are, whose products are then `block` times as large. */
function turned({ rotation }: KvCache, { problem, tensors }: Described): Described {
  if (rotation === null) return { problem, tensors };
  const softmaxScale = problem.params.softmaxScale / rotation.block;
  return {
    problem: { ...problem, params: { ...problem.params, softmaxScale } },
    tensors: { ...tensors, q: rotation.turn(tensors.q) },
  };
}

/** A cache in host arrays can only be read by composed ops, whatever the spec allows. */
function kernelsOver(
  op: string,
  cache: KvCache,
  { kernels }: KernelChoice,
  { implementation }: AttentionOptions,
): Kernels {
  if (kernels === 'COMPOSED' || cache.fused) return kernels;
  if (implementation === 'FUSED') {
    throw new UnsupportedError(`${op}: this cache lives in host arrays`, cache.reasons);
  }
  return 'COMPOSED';
}

/** The runtime twin of the types of cache and plan. */
export function checkHandles(op: string, cache: unknown, plan: unknown): void {
  if (!(cache instanceof KvCache)) {
    throw new InvalidArgumentError(`${op}: cache must be a KvCache, got ${typeof cache}`);
  }
  if (!(plan instanceof AttentionPlan)) {
    throw new InvalidArgumentError(
      `${op}: plan must come from planAttention(), got ${typeof plan}: raw metadata are validated once there`,
    );
  }
}

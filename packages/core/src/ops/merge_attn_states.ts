import { engine, getBackend, reshape, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { composedMerge } from '../composed/merge.js';
import { runAttentionKernel } from '../kernels.js';
import { check, checkTensor, shapeText } from '../problem/checks.js';
import type { AttentionResult, PerHead } from '../problem/options.js';
import { perHead } from '../problem/score.js';
import { providerFor } from '../registry.js';

const OP = 'mergeAttnStates';

export interface MergeOptions {
  /** One logit a head `[N]`; give them to the last merge only, with parts made without sinks. */
  sinks?: PerHead;
}

/**
 * Attention over the union of two disjoint key sets from the results over each (Cascade inference; vLLM
 * `merge_attn_states`): output `[..., N, Hv]`, lse `[..., N]`, both float32, of equal shapes ('bsnh' or packed).
 * An lse of +Infinity counts as -Infinity; two empty states give 0 and -Infinity.
 *
 * ```js
 * mergeAttnStates({output: a, lse: la}, {output: b, lse: lb});  // lb all -Infinity: gives a and la back
 * ```
 *
 * @throws InvalidArgumentError where shapes or dtypes disagree.
 */
export function mergeAttnStates(
  a: AttentionResult,
  b: AttentionResult,
  options: MergeOptions = {},
): AttentionResult {
  const merged = tidy(OP, () => {
    for (const [name, state] of Object.entries({ a, b })) {
      checkTensor(state?.output, OP, `${name}.output`, state?.output?.rank, '[..., N, Hv]');
      checkTensor(state.lse, OP, `${name}.lse`, state.output.rank - 1, '[..., N]');
    }
    const { shape } = a.output;
    check(
      shape.length >= 2 && a.output.size > 0,
      OP,
      `a.output must be [..., N, Hv] with every axis at least 1, got ${shapeText(shape)}`,
    );
    for (const [name, tensor, wanted] of [
      ['b.output', b.output, shape],
      ['a.lse', a.lse, shape.slice(0, -1)],
      ['b.lse', b.lse, shape.slice(0, -1)],
    ] as const) {
      check(
        shapeText(tensor.shape) === shapeText(wanted),
        OP,
        `${name} must be ${shapeText(wanted)} to match a.output, got ${shapeText(tensor.shape)}`,
      );
    }
    const [heads, size] = shape.slice(-2);
    const packed = (state: AttentionResult): [Tensor, Tensor] => [
      reshape(state.output, [-1, heads, size]),
      reshape(state.lse, [-1, heads]),
    ];
    const [outputA, lseA] = packed(a);
    const [outputB, lseB] = packed(b);
    const inputs = {
      outputA,
      lseA,
      outputB,
      lseB,
      ...(options.sinks == null ? {} : { sinks: perHead(OP, 'sinks', options.sinks, heads) }),
    };
    const [output, lse] =
      providerFor(getBackend()) === undefined || engine().state.gradientDepth > 0
        ? composedMerge(inputs)
        : runAttentionKernel('TfjsAttnMergeStates', inputs, {});
    return [reshape(output, shape), reshape(lse, shape.slice(0, -1))];
  });
  return { output: merged[0], lse: merged[1] };
}

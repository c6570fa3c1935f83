import type { AttentionProblem } from '@tfjs-attention/core/provider';
import { decode, encode } from '@tfjs-attention/core/provider';
import { referenceAttention, type ReferenceInputs } from '@tfjs-attention/core/reference';
import { worstDistance } from '../suite/assert.js';
import { expectedOf } from '../suite/tolerance.js';

/** What a call must give, and the tolerances of output and lse in each precision. */
export interface Judged {
  readonly output: Float64Array;
  readonly lse: Float64Array;
  /** Output and lse in float32, bfloat16, float16. */
  readonly limits: Float64Array;
}

/** The oracle's answer for a problem. */
export function judge(problem: AttentionProblem, inputs: ReferenceInputs): Judged {
  const { output, lse, outputTolerance, lseTolerance } = expectedOf(problem, inputs);
  const limits = [outputTolerance, lseTolerance];
  const reach = largestSize(problem, inputs);
  for (const dtype of ['bfloat16', 'float16'] as const) {
    const rounded = referenceAttention(problem, roundedTo(dtype, inputs));
    limits.push(
      outputTolerance + halfTolerance(output, rounded.output) + UNIT_ROUNDOFF[dtype] * reach,
      lseTolerance + halfTolerance(lse, rounded.lse),
    );
  }
  return { output, lse, limits: Float64Array.from(limits) };
}

const UNIT_ROUNDOFF = { bfloat16: 2 ** -9, float16: 2 ** -12 } as const;

/** The largest weighted sum of |v|: times a unit of rounding, what rounded weights move an output by. */
function largestSize(problem: AttentionProblem, inputs: ReferenceInputs): number {
  const { output } = referenceAttention(problem, {
    ...inputs,
    value: (...at) => Math.abs(inputs.value(...at)),
  });
  return output.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, x) : most), 0);
}

/** Three times what rounding q, k and v moves. */
function halfTolerance(exact: Float64Array, rounded: Float64Array): number {
  const { distance } = worstDistance(rounded, exact);
  return 3 * (Number.isFinite(distance) ? distance : 0);
}

function roundedTo(dtype: 'bfloat16' | 'float16', inputs: ReferenceInputs): ReferenceInputs {
  const round = (x: number) => decode(dtype, encode(dtype, x));
  return {
    ...inputs,
    q: Float32Array.from(inputs.q, round),
    key: (...at) => round(inputs.key(...at)),
    value: (...at) => round(inputs.value(...at)),
  };
}

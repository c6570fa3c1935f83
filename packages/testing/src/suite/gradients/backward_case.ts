import * as tf from '@tensorflow/tfjs-core';
import { flashAttention, type FlashAttentionOptions } from '@tfjs-attention/core';
import {
  describeDense,
  referenceBackward,
  type OperandGradients,
  type ReferenceGradients,
} from '@tfjs-attention/core/reference';
import { assertWithin } from '../assert.js';
import { makeDense, type DenseCase } from '../dense_case.js';
import { randomFrom, normals } from '../random.js';
import { inScope } from '../in_scope.js';
import { readState } from '../read_state.js';
import type { Spec, Subject } from '../subject.js';
import { assertExpected, expectedOf, toleranceOf } from '../tolerance.js';
import { trainingImplementation } from './implementation.js';

/** A dense call whose gradients are judged. */
export interface BackwardCase extends DenseCase {
  /** Default none. */
  readonly dropoutRate?: number;
}

type Operand = keyof OperandGradients;

/** A call's differentiable operands as tensors, what else it takes, and its loss's gradients by output and lse. */
export function makeBackward(c: BackwardCase) {
  const { q, k, v, options: made, inputs } = makeDense(c);
  const { dropoutRate } = c;
  const { bias, qqBias, alibiSlopes, sinks, ...rest } = made;
  const perHead = (x: FlashAttentionOptions['sinks']) =>
    x === undefined ? undefined : tf.tensor1d(x as Float32Array);
  const optional = { bias, qqBias, alibiSlopes: perHead(alibiSlopes), sinks: perHead(sinks) };
  const given = Object.entries(optional).filter(([, x]) => x !== undefined);
  const operands = { q, k, v, ...Object.fromEntries(given) } as Partial<Record<Operand, tf.Tensor>>;
  const options: FlashAttentionOptions = {
    ...rest,
    ...(dropoutRate !== undefined && { dropoutRate, dropoutSeed: 1234567 }),
  };
  const { problem } = describeDense('gradients', q, k, v, { ...options, ...optional });
  const random = randomFrom(`${c.name}: what comes back`);
  const sized = (shape: readonly number[]) => normals(random, tf.util.sizeFromShape([...shape]));
  return {
    operands,
    options,
    problem,
    inputs,
    dout: sized(problem.outputShape),
    dlse: sized(problem.lseShape),
  };
}

/** Gradients of <dout, output> + <dlse, lse> by the tape, by operand. */
export async function tapeGradients(
  { operands, options, problem, dout, dlse }: ReturnType<typeof makeBackward>,
  implementation: FlashAttentionOptions['implementation'],
): Promise<Partial<Record<Operand, Float32Array>>> {
  const names = Object.keys(operands) as Operand[];
  const loss = (...tensors: tf.Tensor[]) => {
    const { q, k, v, ...more } = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
    const all = { ...options, ...more, implementation, returnLse: true } as const;
    const { output, lse } = flashAttention(q, k, v, all);
    const pulled = tf.sum(tf.mul(output, tf.tensor(dout, [...problem.outputShape])));
    return tf.add<tf.Scalar>(pulled, tf.sum(tf.mul(lse, tf.tensor(dlse, [...problem.lseShape]))));
  };
  const found = tf.grads(loss)(names.map((name) => operands[name] as tf.Tensor));
  const values = await Promise.all(found.map((gradient) => gradient.data()));
  return Object.fromEntries(names.map((name, i) => [name, values[i]]));
}

interface Expected {
  exact: ReferenceGradients;
  plain: ReferenceGradients;
}

const known = new Map<string, Expected>();

/** The float64 answer and that of plain float32, computed once for all subjects of a process. */
function expectedGradients(
  c: BackwardCase,
  { problem, inputs, dout, dlse }: ReturnType<typeof makeBackward>,
): Expected {
  const key = JSON.stringify(c);
  let found = known.get(key);
  if (found === undefined) {
    found = {
      exact: referenceBackward(problem, inputs, dout, dlse),
      plain: referenceBackward(problem, inputs, dout, dlse, Math.fround),
    };
    known.set(key, found);
  }
  return found;
}

export function backwardSpec(c: BackwardCase): Spec {
  return {
    name: `gradients, ${c.name}`,
    run: (subject: Subject) =>
      inScope(async () => {
        const made = makeBackward(c);
        const { exact, plain } = expectedGradients(c, made);
        const implementation = trainingImplementation(subject);
        if (c.dropoutRate !== undefined) await judgeForward(made, implementation);
        const actual = await tapeGradients(made, implementation);
        for (const name of Object.keys(actual) as Operand[]) {
          const wanted = exact[name] as Float64Array;
          const tolerance = gradientTolerance(wanted, plain[name], exact.sizes[name]);
          assertWithin(`d/d${name}`, actual[name] as Float32Array, wanted, tolerance);
        }
      }),
  };
}

/** Dropout is a matter of the forward pass too, of which no other case knows it. */
async function judgeForward(
  { operands, options, problem, inputs }: ReturnType<typeof makeBackward>,
  implementation: FlashAttentionOptions['implementation'],
): Promise<void> {
  const { q, k, v, ...more } = operands as Record<Operand, tf.Tensor>;
  const all = { ...options, ...more, implementation, returnLse: true } as const;
  assertExpected(await readState(flashAttention(q, k, v, all)), expectedOf(problem, inputs));
}

/** As for outputs, and one unit in the last place of the terms that were summed, whose sum may cancel. */
function gradientTolerance(
  exact: Float64Array,
  plain: Float64Array | undefined,
  sizes: Float64Array | undefined,
): number {
  const most = (sizes ?? exact).reduce((a, b) => (b > a ? b : a), 0);
  return toleranceOf(exact, plain ?? exact) + 2 ** -24 * most;
}

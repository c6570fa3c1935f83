import type { TensorInfo } from '@tensorflow/tfjs-core';
import type {
  AttentionProblem,
  BackwardTensors,
  GradientName,
  GradientOperandName,
} from '@tfjs-attention/core/provider';
import type { Region } from '../heap/region.js';
import type { Site } from '../runtime.js';
import { operandRegions, type AttentionInputs } from './attention.js';
import { runCall } from './call.js';

type BackwardInputs = AttentionInputs & { readonly [name in keyof BackwardTensors]: TensorInfo };

const OPERAND_OF = {
  q: 'dq',
  k: 'dk',
  v: 'dv',
  bias: 'dbias',
  alibiSlopes: 'dalibiSlopes',
  qqBias: 'dqqBias',
} as const satisfies Readonly<Record<GradientName, GradientOperandName>>;

/** Gradients of dense attention with respect to the wanted operands, each in its operand's shape. */
export function backward(
  site: Site,
  problem: AttentionProblem,
  inputs: BackwardInputs,
  wants: readonly GradientName[],
): TensorInfo[] {
  return runCall(site, problem.op, (call) => {
    const operands = operandRegions(call, problem, inputs, undefined, {
      out: call.input(inputs.out),
      lse: call.input(inputs.lse),
    });
    const gradients: Partial<Record<GradientOperandName, Region>> = {
      dout: call.input(inputs.dout),
      dlse: call.input(inputs.dlse),
    };
    for (const name of wants) {
      const region = call.output(inputs[name]?.shape ?? []);
      region.floats().fill(0);
      gradients[OPERAND_OF[name]] = region;
    }
    site.kernels.backward(problem.params, operands, gradients);
  });
}

import type { TensorInfo } from '@tensorflow/tfjs-core';
import type {
  AttentionProblem,
  BackwardTensors,
  GradientName,
} from '@tfjs-attention/core/provider';
import type { Device } from '../tensorflow/device.js';
import { denseOperands, type AttentionInputs } from './attention.js';

/** By their number in `wants` of kernels/node/op_backward.cc. */
const DIFFERENTIABLE: readonly GradientName[] = ['q', 'k', 'v', 'bias', 'alibiSlopes', 'qqBias'];

/** Gradients of dense attention with respect to the wanted operands, each in its operand's shape. */
export function backward(
  device: Device,
  problem: AttentionProblem,
  inputs: AttentionInputs & { readonly [name in keyof BackwardTensors]: TensorInfo },
  wants: readonly GradientName[],
): TensorInfo[] {
  const { out, lse, dout, dlse } = inputs;
  const operands = [
    ...denseOperands(device, problem, inputs),
    ...[out, lse, dout, dlse].map((info) => device.idOf(info)),
  ];
  const type = device.binding.TF_ATTR_INT;
  const count = { name: 'num_gradients', type, value: wants.length };
  const numbers = Int32Array.from(wants, (name) => DIFFERENTIABLE.indexOf(name));
  return device.withInts(numbers, (id) =>
    device.run(problem.op, 'TfjsAttnBackward', [...operands, id], wants.length, [count]),
  );
}

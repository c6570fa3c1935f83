import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { AttentionProblem } from '@tfjs-attention/core/provider';
import { copyEncoder } from '../device/dispatch.js';
import type { OperandPlan } from '../shaders/operand_plan.js';
import type { DispatchFields } from '../shaders/params.js';
import type { Call } from './call.js';

export type ScoreTensors = Readonly<
  Partial<Record<'bias' | 'mask' | 'alibiSlopes' | 'sinks' | 'qqBias', TensorInfo>>
>;

/** What hooks of the score read, and where its parts begin. */
export interface ScoreOperands {
  readonly bindings: Readonly<Partial<Record<'bias' | 'mask' | 'floats', GPUBufferBinding>>>;
  readonly at: Pick<DispatchFields, 'alibiAt' | 'sinksAt' | 'qqBiasAt' | 'maskAt'>;
}

/** Binds tensors as they are where bindings suffice, else joined in scratch. */
export function scoreOperands(
  call: Call,
  { spec }: AttentionProblem,
  { bias, mask, alibiSlopes, sinks, qqBias }: ScoreTensors,
  { joinsMask }: OperandPlan,
): ScoreOperands {
  const has = (feature: (typeof spec.features)[number]) => spec.features.includes(feature);
  const [floats, floatsAt] = join(call, [
    has('alibi') ? alibiSlopes : undefined,
    has('sinks') ? sinks : undefined,
    has('qqBias') ? qqBias : undefined,
  ]);
  const [alibiAt, sinksAt, qqBiasAt] = floatsAt;
  const at = { alibiAt, sinksAt, qqBiasAt };
  if (joinsMask) {
    const [joined, [, maskAt]] = join(call, [bias, mask]);
    return { bindings: { bias: joined, floats }, at: { ...at, maskAt } };
  }
  const bindings = {
    floats,
    bias: bias && call.input('bias', bias),
    mask: mask && call.input('mask', mask),
  };
  return { bindings, at: { ...at, maskAt: 0 } };
}

/** One tensor as it is, several one behind the other; and where each begins, in elements. */
function join(
  call: Call,
  tensors: readonly (TensorInfo | undefined)[],
): [GPUBufferBinding | undefined, number[]] {
  const present = tensors.filter((tensor) => tensor !== undefined);
  const starts: number[] = [];
  let total = 0;
  for (const tensor of tensors) {
    starts.push(total);
    total += tensor === undefined ? 0 : sizeOf(tensor);
  }
  if (present.length === 0) return [undefined, starts];
  if (present.length === 1) return [call.input('an operand', present[0]), starts];
  const scratch = call.scratch(total * 4);
  const sources = tensors.map((tensor) => tensor && call.input('an operand', tensor).buffer);
  const encoder = copyEncoder(call.device);
  tensors.forEach((tensor, i) => {
    const source = sources[i];
    if (tensor === undefined || source === undefined) return;
    encoder.copyBufferToBuffer(source, 0, scratch, starts[i] * 4, sizeOf(tensor) * 4);
  });
  return [{ buffer: scratch }, starts];
}

function sizeOf({ shape }: TensorInfo): number {
  return shape.reduce((size, axis) => size * axis, 1);
}

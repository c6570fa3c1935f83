import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { AttentionProblem, AttentionTensors } from '@tfjs-attention/core/provider';
import type { TensorKvStorage } from '../kv_storage.js';
import type { Device } from '../tensorflow/device.js';
import { batchInts } from './batch_ints.js';
import { attentionWire, cacheHeader, type CallHeader } from './wire.js';

export type AttentionInputs = { readonly [name in keyof AttentionTensors]: TensorInfo };

/** Dense attention, or attention over a cache: output, then lse where the spec asks for it. */
export function attention(
  device: Device,
  problem: AttentionProblem,
  inputs: AttentionInputs,
  storage?: TensorKvStorage,
): TensorInfo[] {
  const { op, spec } = problem;
  const operands = storage
    ? pagedOperands(device, problem, inputs, storage)
    : denseOperands(device, problem, inputs);
  const name = storage ? 'TfjsAttnPaged' : 'TfjsAttnPrefill';
  if (!spec.returnLse) return device.run(op, name, operands, 1);
  const lse = { name: 'num_lse', type: device.binding.TF_ATTR_INT, value: 1 };
  return device.run(op, name, operands, 2, [lse]);
}

/** Inputs of an op over dense keys, from `params` to `qqBias`. */
export function denseOperands(
  device: Device,
  { spec, params, ints }: AttentionProblem,
  inputs: AttentionInputs,
): number[] {
  const order = spec.kv.kind === 'dense' ? spec.kv.order : 'packed';
  const header: CallHeader = { order, numBlocks: 0, cacheBits: 0, precision: spec.precision };
  return [
    device.params.pairOf(attentionWire.pack(header, params)).host,
    ...batchInts(device, ints),
    device.idOf(inputs.q),
    device.operand(inputs.k),
    device.operand(inputs.v),
    ...scoreOperands(device, inputs),
  ];
}

function pagedOperands(
  device: Device,
  { op, spec, params, ints }: AttentionProblem,
  inputs: AttentionInputs,
  storage: TensorKvStorage,
): number[] {
  const header = { ...cacheHeader(storage.layout, params.blockSize), precision: spec.precision };
  return [
    device.params.pairOf(attentionWire.pack(header, params)).host,
    ...batchInts(device, ints),
    device.idOf(inputs.q),
    storage.idFor(op, device),
    ...scoreOperands(device, inputs),
  ];
}

function scoreOperands(device: Device, inputs: AttentionInputs): number[] {
  return [
    device.operand(inputs.bias),
    device.operand(inputs.mask, 'bool'),
    device.operand(inputs.alibiSlopes),
    device.operand(inputs.sinks),
    device.operand(inputs.qqBias),
  ];
}

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
  const { op, spec, params, ints } = problem;
  const keys = storage
    ? [storage.idFor(op, device)]
    : [device.operand(inputs.k), device.operand(inputs.v)];
  const operands = [
    device.params.idOf(attentionWire.pack(headerOf(problem, storage), params)),
    batchInts(device, ints),
    device.idOf(inputs.q),
    ...keys,
    device.operand(inputs.bias),
    device.operand(inputs.mask, 'bool'),
    device.operand(inputs.alibiSlopes),
    device.operand(inputs.sinks),
    device.operand(inputs.qqBias),
  ];
  const name = storage ? 'TfjsAttnPaged' : 'TfjsAttnPrefill';
  if (!spec.returnLse) return device.run(op, name, operands, 1);
  const lse = { name: 'num_lse', type: device.binding.TF_ATTR_INT, value: 1 };
  return device.run(op, name, operands, 2, [lse]);
}

function headerOf({ spec }: AttentionProblem, storage: TensorKvStorage | undefined): CallHeader {
  if (storage !== undefined) return cacheHeader(storage.layout);
  const order = spec.kv.kind === 'dense' ? spec.kv.order : 'packed';
  return { order, numBlocks: 0, headScales: 0 };
}

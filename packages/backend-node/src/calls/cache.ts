import type { TensorInfo } from '@tensorflow/tfjs-core';
import {
  cacheParamsOf,
  type AttentionPlan,
  type KvCacheLayout,
} from '@tfjs-attention/core/provider';
import type { TensorKvStorage } from '../kv_storage.js';
import type { Device } from '../tensorflow/device.js';
import { batchInts } from './batch_ints.js';
import { cacheHeader, cacheWire } from './wire.js';

/** Writes k and v to the plan's slots. No output. */
export function reshapeAndCache(
  device: Device,
  inputs: { readonly k: TensorInfo; readonly v?: TensorInfo },
  plan: AttentionPlan,
  storage: TensorKvStorage,
): TensorInfo[] {
  const op = 'reshapeAndCache';
  const operands = [
    cacheParams(device, storage.layout, plan.numTokens),
    ...batchInts(device, plan),
    device.idOf(inputs.k),
    device.operand(inputs.v),
    storage.idFor(op, device),
  ];
  return device.run(op, 'TfjsAttnReshapeAndCache', operands, 0);
}

/** Dequantised keys `[T, K, H]` of slots, and values `[T, K, Hv]` unless they are in the keys. */
export function gatherCache(
  device: Device,
  slots: Int32Array,
  storage: TensorKvStorage,
): TensorInfo[] {
  const op = 'gatherCache';
  const params = cacheParams(device, storage.layout, slots.length);
  return device.withInts(slots.slice(), (id) =>
    device.run(op, 'TfjsAttnGatherCache', [params, id, storage.idFor(op, device)], 2),
  );
}

/** The params tensor of a cache op, good for the next op. */
export function cacheParams(device: Device, layout: KvCacheLayout, numTokens: number): number {
  return device.params.pairOf(cacheWire.pack(cacheHeader(layout), cacheParamsOf(layout, numTokens)))
    .host;
}

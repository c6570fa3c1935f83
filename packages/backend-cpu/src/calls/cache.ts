import type { TensorInfo } from '@tensorflow/tfjs-core';
import { cacheParamsOf, type AttentionPlan } from '@tfjs-attention/core/provider';
import type { Region } from '../heap/region.js';
import type { CacheRegions } from '../kernels/kernel_set.js';
import type { HeapKvStorage } from '../kv_storage.js';
import type { Site } from '../runtime.js';
import { cacheRegions } from './attention.js';
import { batchInts } from './batch_ints.js';
import { runCall } from './call.js';

/** Writes k and v to the plan's slots. No output. */
export function reshapeAndCache(
  site: Site,
  inputs: { readonly k: TensorInfo; readonly v?: TensorInfo },
  plan: AttentionPlan,
  storage: HeapKvStorage,
): TensorInfo[] {
  return runCall(site, 'reshapeAndCache', (call) => {
    const newK = call.input(inputs.k);
    const newV = inputs.v && call.input(inputs.v);
    const { slotMapping } = batchInts(call, plan);
    const params = cacheParamsOf(storage.layout, plan.numTokens);
    site.kernels.cacheWrite(params, cacheOperands(storage, newK, newV, slotMapping));
  });
}

/** Dequantised keys `[T, K, H]` of slots, and values `[T, K, Hv]` unless they are in the keys. */
export function gatherCache(site: Site, slots: Int32Array, storage: HeapKvStorage): TensorInfo[] {
  return runCall(site, 'gatherCache', (call) => {
    const { numKvHeads, headSize, valueHeadSize, valueInKey } = storage.layout;
    const slotMapping = call.workspace(slots.byteLength);
    slotMapping.ints().set(slots);
    const newK = call.output([slots.length, numKvHeads, headSize]);
    const newV = valueInKey ? undefined : call.output([slots.length, numKvHeads, valueHeadSize]);
    const params = cacheParamsOf(storage.layout, slots.length);
    site.kernels.cacheGather(params, cacheOperands(storage, newK, newV, slotMapping));
  });
}

/** In the order of the operand table. */
function cacheOperands(
  storage: HeapKvStorage,
  newK: Region,
  newV: Region | undefined,
  slotMapping: Region | undefined,
): CacheRegions {
  const { k, v, kHeadScales, vHeadScales, kTokenScales, vTokenScales } = cacheRegions(storage);
  return { newK, newV, k, v, slotMapping, kHeadScales, vHeadScales, kTokenScales, vTokenScales };
}

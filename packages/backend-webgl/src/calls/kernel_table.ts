import type { AttentionKernelTable } from '@tfjs-attention/core/provider';
import { Device } from '../device/device.js';
import { storageAt } from '../storage/kv_storage.js';
import { attention } from './attention.js';
import { backward } from './backward/backward.js';
import { gatherCache, reshapeAndCache } from './cache.js';
import { convertFp8 } from './convert_fp8.js';
import { mergeStates } from './merge_states.js';

/** The kernels as tfjs registers them. They find their context when they first run. */
export function kernelTable(): AttentionKernelTable<object> {
  return {
    TfjsAttnPrefill: ({ inputs, attrs: { problem }, backend }) =>
      attention(Device.of(problem.op, backend), problem, inputs),
    TfjsAttnBackward: ({ inputs, attrs: { problem, wants }, backend }) =>
      backward(Device.of(problem.op, backend), problem, inputs, wants),
    TfjsAttnPaged({ inputs, attrs: { problem, storage }, backend }) {
      const device = Device.of(problem.op, backend);
      return attention(device, problem, inputs, storageAt(problem.op, storage, device));
    },
    TfjsAttnReshapeAndCache({ inputs, attrs: { plan, storage }, backend }) {
      const device = Device.of('reshapeAndCache', backend);
      return reshapeAndCache(device, inputs, plan, storageAt('reshapeAndCache', storage, device));
    },
    TfjsAttnGatherCache({ attrs: { slots, storage }, backend }) {
      const device = Device.of('gatherCache', backend);
      return gatherCache(device, slots, storageAt('gatherCache', storage, device));
    },
    TfjsAttnMergeStates: ({ inputs, backend }) =>
      mergeStates(Device.of('mergeAttnStates', backend), inputs),
    TfjsAttnConvertFp8: ({ inputs, attrs, backend }) =>
      convertFp8(Device.of('convertFp8', backend), inputs.x, attrs),
  };
}

import type { AttentionKernelTable } from '@tfjs-attention/core/provider';
import { asTensorStorage } from '../kv_storage.js';
import { Device } from '../tensorflow/device.js';
import { attention } from './attention.js';
import { backward } from './backward.js';
import { gatherCache, reshapeAndCache } from './cache.js';
import { convertFp8 } from './convert_fp8.js';
import { mergeStates } from './merge_states.js';

/** The kernels as tfjs registers them. The selector has loaded the addon before one runs. */
export const kernelTable: AttentionKernelTable<object> = {
  TfjsAttnPrefill: ({ inputs, attrs, backend }) =>
    attention(Device.of(backend), attrs.problem, inputs),
  TfjsAttnBackward: ({ inputs, attrs: { problem, wants }, backend }) =>
    backward(Device.of(backend), problem, inputs, wants),
  TfjsAttnPaged: ({ inputs, attrs: { problem, storage }, backend }) =>
    attention(Device.of(backend), problem, inputs, asTensorStorage(problem.op, storage)),
  TfjsAttnReshapeAndCache: ({ inputs, attrs: { plan, storage }, backend }) =>
    reshapeAndCache(Device.of(backend), inputs, plan, asTensorStorage('reshapeAndCache', storage)),
  TfjsAttnGatherCache: ({ attrs: { slots, storage }, backend }) =>
    gatherCache(Device.of(backend), slots, asTensorStorage('gatherCache', storage)),
  TfjsAttnMergeStates: ({ inputs, backend }) => mergeStates(Device.of(backend), inputs),
  TfjsAttnConvertFp8: ({ inputs, attrs, backend }) =>
    convertFp8(Device.of(backend), inputs.x, attrs),
};

import {
  FEATURE_BITS,
  type AttentionOperandName,
  type AttentionParams,
  type Feature,
} from '../problem/params.js';
import { dropoutHook } from './dropout.js';
import { causalHook, chunkHook, sameRangeHook, windowHook } from './mask.js';
import { alibiHook, biasHook, softCapHook } from './score.js';
import { softmaxRow } from './softmax.js';

/** Everything about a feature in one row: where it plugs into the loop, what it reads, and its plain version. */
export interface FeatureRow {
  /** The hook file `kernels/parts/<part>.*` that it lives in. */
  part: 'score' | 'mask' | 'softmax';
  bit: number;
  params: readonly (keyof AttentionParams)[];
  operand?: AttentionOperandName;
  /** Its function in the reference. */
  hook: (...args: never[]) => unknown;
}

/** The feature table: adding a feature adds one row here, one function per dialect, and cases. */
export const FEATURES: Readonly<Record<Feature, FeatureRow>> = {
  causal: { part: 'mask', bit: FEATURE_BITS.causal, params: [], hook: causalHook },
  window: {
    part: 'mask',
    bit: FEATURE_BITS.window,
    params: ['windowLeft', 'windowRight'],
    hook: windowHook,
  },
  rswa: {
    part: 'mask',
    bit: FEATURE_BITS.rswa,
    params: [],
    operand: 'rswaPrefixLens',
    hook: windowHook,
  },
  chunk: {
    part: 'mask',
    bit: FEATURE_BITS.chunk,
    params: ['chunkSize', 'chunkLookback'],
    hook: chunkHook,
  },
  mixedCausal: {
    part: 'mask',
    bit: FEATURE_BITS.mixedCausal,
    params: [],
    operand: 'causalFlags',
    hook: causalHook,
  },
  mmPrefix: {
    part: 'mask',
    bit: FEATURE_BITS.mmPrefix,
    params: [],
    operand: 'mmRanges',
    hook: sameRangeHook,
  },
  mask: {
    part: 'mask',
    bit: FEATURE_BITS.mask,
    params: ['maskStrideBatch', 'maskStrideHead', 'maskStrideToken', 'maskStrideKey'],
    operand: 'mask',
    hook: biasHook,
  },
  softcap: {
    part: 'score',
    bit: FEATURE_BITS.softcap,
    params: ['logitsSoftCap'],
    hook: softCapHook,
  },
  bias: {
    part: 'score',
    bit: FEATURE_BITS.bias,
    params: ['biasStrideBatch', 'biasStrideHead', 'biasStrideToken', 'biasStrideKey'],
    operand: 'bias',
    hook: biasHook,
  },
  qqBias: {
    part: 'score',
    bit: FEATURE_BITS.qqBias,
    params: ['qqBiasSize'],
    operand: 'qqBias',
    hook: biasHook,
  },
  alibi: {
    part: 'score',
    bit: FEATURE_BITS.alibi,
    params: [],
    operand: 'alibiSlopes',
    hook: alibiHook,
  },
  sinks: {
    part: 'softmax',
    bit: FEATURE_BITS.sinks,
    params: [],
    operand: 'sinks',
    hook: softmaxRow,
  },
  dropout: {
    part: 'softmax',
    bit: FEATURE_BITS.dropout,
    params: [],
    operand: 'dropout',
    hook: dropoutHook,
  },
};

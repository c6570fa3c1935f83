// The three attention ops of ONNX Runtime, each as a model of one node with what it is fed.
import { maskOf } from '../contenders/tfjs_composed.js';
import { isPaged, type Cell } from '../grid.js';
import { toHeadMajor, type Inputs } from '../inputs.js';
import type { ElementType, OneNodeModel, Value } from './model.js';

export type OnnxOp = 'MHA' | 'GQA' | 'Attention-23';

/**
 * How a decode step gets its cache: 'copied' = past in, present out, as these ops keep one; 'whole' = K and V as plain
 * inputs with the new token already inside, which no real loop could do for nothing.
 */
export type CacheUse = 'copied' | 'whole';

export interface Feed {
  readonly type: ElementType;
  readonly data: Float32Array | Int32Array;
  readonly dims: readonly number[];
}

/** A model and its inputs for one cell. */
export interface OnnxCall {
  readonly model: OneNodeModel;
  readonly feeds: Readonly<Record<string, Feed>>;
  /** Whether output 'y' is `[N, S, H]` rather than `[S, N, H]`. */
  readonly headMajor: boolean;
}

type Fed = Value & Feed;

const OPSET = 23;

/** Why an op cannot do a cell, or null. */
export function onnxUnfit(op: OnnxOp, cell: Cell): string | null {
  const { group, numHeads, numKvHeads } = cell;
  switch (op) {
    case 'MHA':
      if (numHeads !== numKvHeads) return 'it has no grouped heads';
      return group === 'window' ? 'it has no window' : null;
    case 'GQA':
      return group === 'full' ? 'it is always causal' : null;
    case 'Attention-23':
      return null;
    default:
      return op satisfies never;
  }
}

export function onnxCall(op: OnnxOp, use: CacheUse, cell: Cell, inputs: Inputs): OnnxCall {
  switch (op) {
    case 'MHA':
      return multiHeadAttention(use, cell, inputs);
    case 'GQA':
      return groupQueryAttention(cell, inputs);
    case 'Attention-23':
      return attention23(use, cell, inputs);
    default:
      return op satisfies never;
  }
}

/** `com.microsoft.MultiHeadAttention`: q, k, v `[B, S, N * H]`. */
function multiHeadAttention(use: CacheUse, cell: Cell, inputs: Inputs): OnnxCall {
  const { numHeads, headSize, queryLen, seqLen, causal } = cell;
  const width = numHeads * headSize;
  const past = pastOf(use, cell, inputs);
  const kv = (name: 'k' | 'v') =>
    past.length > 0
      ? fed(name, inputs.last(name), [1, queryLen, width])
      : fed(name, inputs[name], [1, seqLen, width]);
  return call({
    headMajor: false,
    opType: 'MultiHeadAttention',
    domain: 'com.microsoft',
    attributes: { num_heads: numHeads, unidirectional: causal && queryLen > 1 ? 1 : 0 },
    inputs: [
      fed('q', inputs.q, [1, queryLen, width]),
      kv('k'),
      kv('v'),
      ...(past.length > 0 ? [null, null, null, ...past] : []),
    ],
    outputs: outputsOf([1, queryLen, width], past.length > 0, cell),
  });
}

/** `com.microsoft.GroupQueryAttention`: q `[B, S, N * H]`, k and v `[B, S, K * H]`, always with past and present. */
function groupQueryAttention(cell: Cell, inputs: Inputs): OnnxCall {
  const { numHeads, numKvHeads, headSize, queryLen, seqLen, slidingWindow } = cell;
  const paged = isPaged(cell);
  const width = numKvHeads * headSize;
  const kv = (name: 'k' | 'v') =>
    fed(name, paged ? inputs.last(name) : inputs[name], [1, queryLen, width]);
  const past = (name: 'k' | 'v') =>
    fedPast(name, paged ? inputs.past(name) : new Float32Array(), cell);
  return call({
    headMajor: false,
    opType: 'GroupQueryAttention',
    domain: 'com.microsoft',
    attributes: {
      num_heads: numHeads,
      kv_num_heads: numKvHeads,
      ...(slidingWindow === undefined ? {} : { local_window_size: slidingWindow }),
    },
    inputs: [
      fed('q', inputs.q, [1, queryLen, numHeads * headSize]),
      kv('k'),
      kv('v'),
      past('k'),
      past('v'),
      fed('seqlens_k', Int32Array.of(seqLen - 1), [1]),
      fed('total', Int32Array.of(seqLen), [1]),
    ],
    outputs: outputsOf([1, queryLen, numHeads * headSize], true, cell),
  });
}

/** `ai.onnx.Attention` of opset 23: q `[B, N, S, H]`, k and v `[B, K, S', H]`. */
function attention23(use: CacheUse, cell: Cell, inputs: Inputs): OnnxCall {
  const { numHeads, numKvHeads, headSize, queryLen, seqLen, causal, slidingWindow } = cell;
  const past = pastOf(use, cell, inputs);
  const mask = slidingWindow === undefined ? undefined : maskOf(cell);
  const kv = (name: 'k' | 'v') =>
    past.length > 0
      ? fed(name, toHeadMajor(inputs.last(name), queryLen, numKvHeads, headSize), [
          1,
          numKvHeads,
          queryLen,
          headSize,
        ])
      : fed(name, inputs.headMajor(name), [1, numKvHeads, seqLen, headSize]);
  return call({
    headMajor: true,
    opType: 'Attention',
    domain: '',
    attributes: { is_causal: causal && queryLen > 1 && mask === undefined ? 1 : 0 },
    inputs: [
      fed('q', inputs.headMajor('q'), [1, numHeads, queryLen, headSize]),
      kv('k'),
      kv('v'),
      ...(mask ? [fed('mask', mask, [queryLen, seqLen])] : past.length > 0 ? [null] : []),
      ...past,
    ],
    outputs: outputsOf([1, numHeads, queryLen, headSize], past.length > 0, cell),
  });
}

function pastOf(use: CacheUse, cell: Cell, inputs: Inputs): Fed[] {
  if (use === 'whole' || !isPaged(cell)) return [];
  return (['k', 'v'] as const).map((name) => fedPast(name, inputs.past(name), cell));
}

function fedPast(name: 'k' | 'v', data: Float32Array, cell: Cell): Fed {
  const { numKvHeads, headSize, seqLen, queryLen } = cell;
  const past = fed(`past_${name}`, data, [1, numKvHeads, seqLen - queryLen, headSize]);
  return { ...past, shape: [1, numKvHeads, 'P', headSize] };
}

function outputsOf(
  shape: readonly number[],
  present: boolean,
  { numKvHeads, headSize }: Cell,
): Value[] {
  const cache = [1, numKvHeads, 'T', headSize];
  return [
    { name: 'y', type: 'float32', shape },
    ...(present ? ['present_k', 'present_v'] : []).map((name): Value => ({
      name,
      type: 'float32',
      shape: cache,
    })),
  ];
}

function fed(name: string, data: Float32Array | Int32Array, dims: readonly number[]): Fed {
  const type = data instanceof Int32Array ? 'int32' : 'float32';
  return { name, type, shape: dims, data, dims };
}

function call({
  headMajor,
  inputs,
  ...model
}: Omit<OneNodeModel, 'inputs' | 'opset'> & {
  inputs: readonly (Fed | null)[];
  headMajor: boolean;
}): OnnxCall {
  const present = inputs.filter((value) => value !== null);
  return {
    model: { ...model, opset: OPSET, inputs },
    feeds: Object.fromEntries(present.map((value) => [value.name, value])),
    headMajor,
  };
}

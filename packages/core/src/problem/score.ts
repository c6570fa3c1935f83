import { Tensor, tensor1d } from '@tensorflow/tfjs-core';
import type { AttentionOptions, PerHead } from './options.js';
import type { AttentionParams, Feature } from './params.js';
import type { AttentionTensors, MaskInts } from './problem.js';
import { check, checkFinite, checkInt, checkTensor, shapeText } from './checks.js';
import { PRECISIONS } from './spec.js';
import { describeWindow } from './window.js';

/** Score axes that a bias or mask broadcasts to. `batch` is absent where tokens are packed. */
export interface ScoreShape {
  batch?: number;
  heads: number;
  tokens: number;
  keys: number;
  /** Packed batches may bring a mask as wide as the longest sequence will ever be. */
  widerKeys: boolean;
}

type ScoreNumbers = Pick<
  AttentionParams,
  | 'softmaxScale' | 'logitsSoftCap' | 'windowLeft' | 'windowRight' | 'chunkSize' | 'chunkLookback'
  | 'qqBiasSize'
>; // prettier-ignore

/** Strides [batch, head, token, key] of a tensor that broadcasts to the scores; 0 along a broadcast axis. */
type ScoreStrides = readonly number[];

export interface Score {
  features: Feature[];
  numbers: ScoreNumbers;
  bias: ScoreStrides;
  mask: ScoreStrides;
  tensors: Omit<AttentionTensors, 'q' | 'k' | 'v'>;
}

const ABSENT: ScoreStrides = [0, 0, 0, 0];

/** Checks everything that shapes a score and names its features, params and tensors. `ints` were checked before. */
export function describeScore(
  op: string,
  options: AttentionOptions,
  headSize: number,
  shape: ScoreShape,
  ints: MaskInts,
): Score {
  const { softmaxScale = 1 / Math.sqrt(headSize), logitsSoftCap = 0 } = options;
  const { chunkSize = 0, chunkLookback = 0, precision = 'float32' } = options;
  check(
    PRECISIONS.includes(precision),
    op,
    () => `precision must be one of ${PRECISIONS.join(', ')}, got '${String(precision)}'`,
  );
  checkFinite(softmaxScale, op, 'softmaxScale');
  checkFinite(logitsSoftCap, op, 'logitsSoftCap');
  check(
    logitsSoftCap === 0 || Math.fround(logitsSoftCap) > 0,
    op,
    () => `logitsSoftCap must be 0 (off) or positive in float32, got ${logitsSoftCap}`,
  );
  checkInt(chunkSize, op, 'chunkSize', 0);
  checkInt(chunkLookback, op, 'chunkLookback', 0);

  const mixed = ints.causalFlags !== undefined;
  const { windowLeft, windowRight, features } = describeWindow(op, options, mixed);
  if (mixed && options.causal === true) features.push('mixedCausal');
  if (logitsSoftCap > 0) features.push('softcap');
  if (chunkSize > 0) features.push('chunk');
  if (ints.rswaPrefixLens !== undefined) features.push('rswa');
  if (ints.mmRanges !== undefined) features.push('mmPrefix');

  const tensors: Score['tensors'] = {};
  let [bias, mask] = [ABSENT, ABSENT];
  if (options.bias != null) {
    bias = broadcastStrides(op, 'bias', options.bias, 'float32', shape);
    tensors.bias = options.bias;
    features.push('bias');
  }
  if (options.mask != null) {
    mask = broadcastStrides(op, 'mask', options.mask, 'bool', shape);
    tensors.mask = options.mask;
    features.push('mask');
  }
  let qqBiasSize = 0;
  const { qqBias } = options;
  if (qqBias != null) {
    checkTensor(qqBias, op, 'qqBias', 2, '[M, M]');
    qqBiasSize = qqBias.shape[0];
    check(
      qqBiasSize > 0 && qqBiasSize === qqBias.shape[1],
      op,
      () => `qqBias must be square [M, M] with M >= 1, got ${shapeText(qqBias.shape)}`,
    );
    tensors.qqBias = qqBias;
    features.push('qqBias');
  }
  if (options.alibiSlopes != null) {
    tensors.alibiSlopes = perHead(
      op,
      'alibiSlopes',
      options.alibiSlopes,
      shape.heads,
      -Number.MAX_VALUE,
    );
    features.push('alibi');
  }
  if (options.sinks != null) {
    tensors.sinks = perHead(op, 'sinks', options.sinks, shape.heads);
    features.push('sinks');
  }
  return {
    features: features.sort(),
    numbers: {
      softmaxScale: Math.fround(softmaxScale),
      logitsSoftCap: Math.fround(logitsSoftCap),
      windowLeft,
      windowRight,
      chunkSize,
      chunkLookback,
      qqBiasSize,
    },
    bias,
    mask,
    tensors,
  };
}

function broadcastStrides(
  op: string,
  name: string,
  tensor: Tensor,
  dtype: 'float32' | 'bool',
  { batch, heads, tokens, keys, widerKeys }: ScoreShape,
): ScoreStrides {
  const target = batch === undefined ? [heads, tokens, keys] : [batch, heads, tokens, keys];
  const axes = batch === undefined ? '[N, T, S]' : '[B, N, S, S]';
  checkTensor(tensor, op, name, tensor?.rank, axes, dtype);
  const { shape, rank } = tensor;
  check(
    rank >= 1 && rank <= target.length,
    op,
    () =>
      `${name} must have rank 1 to ${target.length} and broadcast to ${axes} = ${shapeText(target)}, got ${shapeText(shape)}`,
  );
  const strides: number[] = [];
  let stride = 1;
  for (let axis = rank - 1; axis >= 0; axis--) {
    const wanted = target[axis + target.length - rank];
    const isKeyAxis = axis === rank - 1;
    check(
      shape[axis] === wanted ||
        shape[axis] === 1 ||
        (isKeyAxis && widerKeys && shape[axis] > wanted),
      op,
      () =>
        `${name} ${shapeText(shape)} does not broadcast to ${axes} = ${shapeText(target)}: axis ${axis} must be ${wanted} or 1` +
        (isKeyAxis ? '; pad a narrower one with false or -Infinity' : ''),
    );
    strides.unshift(shape[axis] === 1 ? 0 : stride);
    stride *= shape[axis];
  }
  while (strides.length < 4) strides.unshift(0);
  return strides;
}

/** One float32 a query head; host numbers must lie in [least, Infinity) in float32. */
export function perHead(
  op: string,
  name: string,
  value: PerHead,
  heads: number,
  least = -Infinity,
): Tensor {
  if (value instanceof Tensor) {
    checkTensor(value, op, name, 1, '[N]');
    check(
      value.size === heads,
      op,
      () => `${name} must have ${heads} entries [N], got ${value.size}`,
    );
    return value;
  }
  check(
    value.length === heads,
    op,
    () => `${name} must have ${heads} entries [N], got ${String(value.length)}`,
  );
  for (const entry of value) {
    check(
      typeof entry === 'number' && Math.fround(entry) >= least && Math.fround(entry) < Infinity,
      op,
      () =>
        `${name} must hold ${least === -Infinity ? 'numbers below Infinity' : 'finite numbers'}, got ${String(entry)}`,
    );
  }
  return tensor1d(Float32Array.from(value));
}

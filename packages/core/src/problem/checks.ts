import { Tensor } from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '../errors.js';

/** Throws InvalidArgumentError `op: message` unless the condition holds. Text costs more than checks: steps pass functions. */
export function check(
  condition: boolean,
  op: string,
  message: string | (() => string),
): asserts condition {
  if (!condition) throw invalid(op, textOf(message));
}

function textOf(text: string | (() => string)): string {
  return typeof text === 'string' ? text : text();
}

export function invalid(op: string, message: string): InvalidArgumentError {
  return new InvalidArgumentError(`${op}: ${message}`);
}

export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

export function checkTensor(
  value: unknown,
  op: string,
  name: string,
  rank: number,
  shape: string,
  dtype: 'float32' | 'bool' | 'int32' = 'float32',
): asserts value is Tensor {
  check(
    value instanceof Tensor,
    op,
    () => `${name} must be a tf.Tensor ${shape}, got ${value === null ? 'null' : typeof value}`,
  );
  check(
    !value.isDisposed,
    op,
    () => `${name} is disposed; pass a live tensor (tf.keep it across tidy)`,
  );
  check(
    value.rank === rank,
    op,
    () =>
      `${name} must have rank ${rank} ${shape}, got rank ${value.rank} ${shapeText(value.shape as number[])}`,
  );
  check(
    value.dtype === dtype,
    op,
    () => `${name} must be ${dtype}, got ${value.dtype}; cast it with tf.cast(${name}, '${dtype}')`,
  );
}

/** The runtime twin of the type system, for callers who write plain JavaScript. */
export function checkInt(
  value: unknown,
  op: string,
  name: string | (() => string),
  least = -Infinity,
  most = 2 ** 31 - 1,
): asserts value is number {
  check(
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most,
    op,
    () =>
      `${textOf(name)} must be an int32${least > -Infinity ? ` from ${least}` : ''}${most < 2 ** 31 - 1 ? ` to ${most}` : ''}, got ${String(value)}`,
  );
}

/** Positions stay well inside int32, so that kernels may add to them. */
export function checkOffset(op: string, offset: number): void {
  checkInt(offset, op, 'queryOffset', -(2 ** 29), 2 ** 29);
}

export function checkFinite(value: unknown, op: string, name: string): asserts value is number {
  check(
    typeof value === 'number' && Number.isFinite(Math.fround(value)),
    op,
    () => `${name} must be a finite number (in float32), got ${String(value)}`,
  );
}

export function checkInt32Array(
  value: unknown,
  op: string,
  name: string,
  length: number | undefined,
  meaning: string,
): asserts value is Int32Array {
  check(
    !(value instanceof Tensor),
    op,
    () =>
      `${name} must be a host Int32Array ${meaning}, not a Tensor: metadata never live on the device. Pass the Int32Array itself`,
  );
  check(
    value instanceof Int32Array,
    op,
    () => `${name} must be an Int32Array ${meaning}, got ${Object.prototype.toString.call(value)}`,
  );
  check(
    length === undefined || value.length === length,
    op,
    () => `${name} must have ${length} entries ${meaning}, got ${value.length}`,
  );
}

export function checkHeads(op: string, numHeads: number, numKvHeads: number): void {
  check(
    numKvHeads > 0 && numHeads > 0 && numHeads % numKvHeads === 0,
    op,
    () =>
      `numHeads ${numHeads} must be a multiple of numKvHeads ${numKvHeads}: each KV head serves numHeads / numKvHeads query heads`,
  );
}

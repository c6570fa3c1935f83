import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';

/** A tensor as fixtures/make.py writes it. */
export interface Packed {
  dtype: 'float32' | 'int32' | 'bool';
  shape: number[];
  /** Base64, little-endian; a bool is a byte. */
  data: string;
}

/** One layer of Keras: config and call in Keras's names. */
export interface LayerCase {
  name: string;
  className: string;
  config: Record<string, unknown>;
  inputs: Record<string, Packed>;
  /** Masks on inputs, by input. */
  kerasMasks: Record<string, Packed>;
  call: Record<string, boolean | number>;
  weights: (Packed & { path: string })[];
  outputs: Packed[];
}

/** A whole model of Keras. */
export interface ModelCase {
  name: string;
  archive: string;
  inputs: Packed[];
  outputs: Packed[];
  weights: (Packed & { path: string })[] | null;
}

const FOLDER = fileURLToPath(new URL('../fixtures/', import.meta.url));

export function layerCases(): LayerCase[] {
  return (readJson('layers.json') as { cases: LayerCase[] }).cases;
}

export function modelCases(): ModelCase[] {
  return (readJson('models/cases.json') as { cases: ModelCase[] }).cases;
}

export function archiveBytes(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${FOLDER}models/${name}`));
}

export function unpack({ dtype, shape, data }: Packed): tf.Tensor {
  return tf.tensor(valuesOf({ dtype, shape, data }), shape, dtype);
}

export function valuesOf({ dtype, data }: Packed): Float32Array | Int32Array | Uint8Array {
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'));
  switch (dtype) {
    case 'float32':
      return new Float32Array(bytes.buffer);
    case 'int32':
      return new Int32Array(bytes.buffer);
    case 'bool':
      return bytes;
  }
}

/** The largest distance, NaN counted as infinite. */
export function largestError(actual: tf.Tensor, expected: Packed): number {
  const [got, wanted] = [actual.dataSync(), valuesOf(expected)];
  let error = String(actual.shape) === String(expected.shape) ? 0 : Infinity;
  for (const [i, value] of wanted.entries()) {
    const distance = Math.abs(got[i] - value);
    error = Math.max(error, Number.isNaN(distance) ? Infinity : distance);
  }
  return error;
}

export const camel = (name: string) =>
  name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(FOLDER + name, 'utf8'));
}

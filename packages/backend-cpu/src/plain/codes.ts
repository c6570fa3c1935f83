import {
  bytesPerElement,
  decode,
  type ElementDtype,
  type KvCacheDtype,
} from '@tfjs-attention/core/provider';
import type { Region } from '../heap/region.js';

/** Stored elements: float32 as numbers, everything else as codes. */
export type Codes = Float32Array | Uint16Array | Uint8Array;

export function codesOf(dtype: KvCacheDtype, region: Region): Codes {
  const { buffer, byteOffset, byteLength } = region.bytes();
  switch (bytesPerElement(dtype)) {
    case 4:
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case 2:
      return new Uint16Array(buffer, byteOffset, byteLength / 2);
    case 0.5:
    case 1:
      return new Uint8Array(buffer, byteOffset, byteLength);
  }
}

const tables = new Map<KvCacheDtype, Float32Array>();

/** Value of every code, before scales; undefined for float32, which is its own value. */
export function valuesOf(dtype: ElementDtype): Float32Array | undefined {
  if (dtype === 'float32') return undefined;
  let table = tables.get(dtype);
  if (table === undefined) {
    const codes = 2 ** (8 * bytesPerElement(dtype));
    table = Float32Array.from({ length: codes }, (_, code) => decode(dtype, code));
    tables.set(dtype, table);
  }
  return table;
}

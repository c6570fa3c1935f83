import { bytesPerElement, type KvCacheDtype } from '@tfjs-attention/core/provider';

/** Quads of lanes in a texel of four words. */
export function kvQuads(dtype: KvCacheDtype): number {
  return 4 / bytesPerElement(dtype);
}

/** Texels of one head's lanes of one token: the last is filled up with zeros. */
export function texelsPerRow(size: number, dtype: KvCacheDtype): number {
  return Math.ceil(size / (4 * kvQuads(dtype)));
}

/** The flag under which shaders know a stored type. */
export function kvFlag(dtype: KvCacheDtype): string {
  return `KV_${dtype.toUpperCase()}`;
}

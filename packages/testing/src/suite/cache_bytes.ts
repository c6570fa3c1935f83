import { HostKvBlocks, swapBlocks, type KvBlockBytes, type KvCache } from '@tfjs-attention/core';
import {
  bytesPerElement,
  decode,
  type KvCacheDtype,
  type KvCacheLayout,
} from '@tfjs-attention/core/provider';
import { assert, assertSame, fail } from './assert.js';

const everyBlock = (count: number) => Array.from({ length: count }, (_, block) => block);
const identity = (count: number) => everyBlock(count).map((block) => [block, block] as const);

/** Host blocks as large as a cache: the reference for its bytes. */
export function twinOf(cache: KvCache): HostKvBlocks {
  return new HostKvBlocks(cache, cache.layout.numBlocks);
}

/** Sets every byte of a cache and of its twin, scales included. */
export async function fillCache(cache: KvCache, twin: HostKvBlocks, byte: number): Promise<void> {
  const { numBlocks } = twin.layout;
  const bytes = twin.storage.readBlocks(everyBlock(numBlocks));
  bytes.key.fill(byte);
  bytes.value.fill(byte);
  for (const scales of [bytes.keyScales, bytes.valueScales]) {
    if (scales) new Uint8Array(scales.buffer, scales.byteOffset, scales.byteLength).fill(byte);
  }
  twin.storage.writeBlocks(everyBlock(numBlocks), bytes);
  await swapBlocks(twin, cache, identity(numBlocks));
}

/** A copy of all stored bytes. */
export async function readCache(from: KvCache | HostKvBlocks): Promise<KvBlockBytes> {
  const blocks = everyBlock(from.layout.numBlocks);
  if (from instanceof HostKvBlocks) return from.storage.readBlocks(blocks);
  return from.storageFor('readCache').readBlocks(blocks);
}

function codesOf(layout: KvCacheLayout, { buffer, byteOffset, byteLength }: Uint8Array) {
  const width = bytesPerElement(layout.dtype);
  const length = byteLength / Math.max(width, 1);
  switch (width) {
    case 0.5:
    case 1:
      return new Uint8Array(buffer, byteOffset, length);
    case 2:
      return new Uint16Array(buffer, byteOffset, length);
    case 4:
      return new Uint32Array(buffer, byteOffset, length);
    default:
      return width satisfies never;
  }
}

/** Equal to the bit, except that any NaN of a type equals any other. */
export function assertSameBytes(
  layout: KvCacheLayout,
  actual: KvBlockBytes,
  expected: KvBlockBytes,
): void {
  for (const half of ['key', 'value'] as const) {
    const [a, b] = [codesOf(layout, actual[half]), codesOf(layout, expected[half])];
    assert(a.length === b.length, `${half} bytes: ${a.length} codes instead of ${b.length}`);
    for (let i = 0; i < a.length; i++) {
      if (a[i] === b[i]) continue;
      const [x, y] = [numberOf(layout.dtype, a[i]), numberOf(layout.dtype, b[i])];
      if (!(Number.isNaN(x) && Number.isNaN(y))) {
        fail(
          `${layout.dtype} ${half}[${i}] is stored as ${hex(a[i])} (${x}), not ${hex(b[i])} (${y})`,
        );
      }
    }
    const name = `${half}Scales` as const;
    assert(
      (actual[name] === undefined) === (expected[name] === undefined),
      `${name} present: ${actual[name] !== undefined}`,
    );
    assertSame(name, actual[name] ?? [], expected[name] ?? []);
  }
}

/** What a code says by itself; the byte where it holds two. */
function numberOf(dtype: KvCacheDtype, code: number): number {
  return dtype === 'int4_per_token_head' ? code : decode(dtype, code);
}

const hex = (code: number) => `0x${code.toString(16)}`;

import { CapacityError } from '@tfjs-attention/core';
import { describe, expect, test } from '@jest/globals';
import { Arena } from './arena.js';
import { ArrayHeap } from './array_heap.js';
import { OwnHeap } from './own_heap.js';

const MIB = 2 ** 20;

describe('our WebAssembly memory', () => {
  test('grows on demand, and regions outlive the growth', () => {
    const heap = new OwnHeap(false);
    const first = heap.allocate(16);
    first.floats().set([1, 2, 3, 4]);
    heap.allocate(20 * MIB);
    expect(heap.bytesCommitted).toBeGreaterThanOrEqual(20 * MIB);
    expect(heap.bytesCommitted).toBeLessThanOrEqual(22 * MIB);
    expect([...first.floats()]).toEqual([1, 2, 3, 4]);
  });

  test('zeroed regions are zero on used ground too', () => {
    const heap = new OwnHeap(false);
    const used = heap.allocate(1000);
    used.bytes().fill(7);
    heap.free(used);
    const region = heap.allocateZeroed(5000);
    expect(region.address).toBe(used.address);
    expect(region.bytes().every((byte) => byte === 0)).toBe(true);
  });

  test.each([false, true])('is full at its maximum (shared: %s), and says so', (shared) => {
    const heap = new OwnHeap(shared, 32);
    const half = heap.allocate(MIB);
    const before = heap.bytesInUse;
    expect(() => heap.allocate(MIB)).toThrow(CapacityError);
    expect(() => heap.allocate(2 ** 40)).toThrow(/dispose caches/);
    expect(heap.bytesInUse).toBe(before);
    heap.free(half);
    expect(heap.allocate(MIB + 1000).byteLength).toBe(MIB + 1000);
  });
});

test('plain arrays count what lives and refuse what no array can hold', () => {
  const heap = new ArrayHeap();
  const region = heap.allocate(10);
  expect(heap.bytesInUse).toBe(10);
  expect(region.bytes()).toHaveLength(10);
  heap.free(region);
  heap.free(region);
  expect(heap.bytesInUse).toBe(0);
  expect(() => heap.allocate(2 ** 53)).toThrow(CapacityError);
});

describe('the workspace of calls', () => {
  test('keeps one block for calls of the same size', () => {
    const heap = new OwnHeap(false);
    const arena = new Arena(heap);
    const call = () => [arena.take(100), arena.take(1000), arena.take(1)].map((r) => r.address);
    call();
    arena.reset();
    const inUse = heap.bytesInUse;
    const second = call();
    arena.reset();
    expect(call()).toEqual(second);
    expect(new Set(second).size).toBe(3);
    arena.reset();
    expect(heap.bytesInUse).toBe(inUse);
  });

  test('gives large workspace back, also after a call that ran out of memory', () => {
    const heap = new OwnHeap(false, 256);
    const arena = new Arena(heap);
    arena.take(8 * MIB);
    expect(() => arena.take(12 * MIB)).toThrow(CapacityError);
    arena.reset();
    expect(heap.bytesInUse).toBe(0);
  });
});

import { DeviceError } from '@tfjs-attention/core';
import { afterEach, expect, test } from '@jest/globals';
import { OwnHeap } from '../heap/own_heap.js';
import type { WasmExports } from '../kernels/wasm_exports.js';
import type { WorkItems } from '../kernels/wasm_kernels.js';
import { ThreadPool } from './pool.js';

const text = (name: string) => [name.length, ...Buffer.from(name)];
const section = (id: number, bytes: number[]) => [id, bytes.length, ...bytes];
const I32 = 0x7f;

/** A module with the imports and exports of ours, whose `attn_run` has this body. */
function moduleOf(code: number[]): WebAssembly.Module {
  const body = [0, ...code, 0x0b];
  return new WebAssembly.Module(
    Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, [1, 0x60, 7, I32, I32, I32, I32, I32, I32, I32, 0]),
      ...section(2, [1, ...text('env'), ...text('memory'), 2, 3, 1, 0x80, 0x80, 4]),
      ...section(3, [1, 0]),
      ...section(6, [1, I32, 1, 0x41, 0, 0x0b]),
      ...section(7, [2, ...text('__stack_pointer'), 3, 0, ...text('attn_run'), 0, 0]),
      ...section(10, [1, body.length, ...body]),
    ]),
  );
}

const UNREACHABLE = [0x00];
/** Adds 1 at `partials` + 4 * `begin`, atomically. */
const COUNT = [
  ...[0x20, 5, 0x20, 3, 0x41, 4, 0x6c, 0x6a], // partials + begin * 4
  ...[0x41, 1, 0xfe, 0x1e, 2, 0, 0x1a], // i32.atomic.rmw.add 1; drop
];

const work = (count: number, partials: number): WorkItems => ({
  params: 0,
  operands: 0,
  items: 0,
  count,
  partials,
  scratch: 0,
  scratchBytes: 0,
  cost: Infinity,
});

let pool: ThreadPool | undefined;
afterEach(() => pool?.terminate());

/** A pool whose helpers run `code`, and whose caller runs `own` for each claim. */
async function poolOf(code: number[], threads: number, own: (begin: number) => void) {
  const heap = new OwnHeap(true, 64);
  const exports = {
    attn_run: (_p: number, _o: number, _i: number, begin: number) => own(begin),
  } as unknown as WasmExports;
  pool = new ThreadPool(heap, moduleOf(code), exports, threads);
  await pool.ready();
  return { pool, heap };
}

test('every item is run once, whoever runs it, job after job', async () => {
  const helped: number[] = [];
  const mine = new Set<number>();
  const { pool, heap } = await poolOf(COUNT, 3, (begin) => {
    mine.add(begin);
    for (const end = performance.now() + 0.2; performance.now() < end;);
  });
  const done = heap.allocateZeroed(4 * 20);
  for (let job = 0; job < 50; job++) {
    done.ints().fill(0);
    mine.clear();
    pool.run(work(20, done.address));
    const theirs = [...done.ints()];
    expect(theirs.map((times, item) => times + (mine.has(item) ? 1 : 0))).toEqual(
      new Array(20).fill(1),
    );
    helped.push(theirs.filter((times) => times > 0).length);
  }
  expect(Math.max(...helped)).toBeGreaterThan(0);
});

test('a helper that traps is an error of the call, and the pool lives on', async () => {
  let waiting = true;
  const { pool } = await poolOf(UNREACHABLE, 2, () => {
    // Leaves the helper time to claim an item.
    for (const end = performance.now() + (waiting ? 300 : 0); performance.now() < end;);
  });
  expect(() => pool.run(work(8, 0))).toThrow(DeviceError);
  waiting = false;
  pool.terminate();
  expect(pool.size).toBe(1);
  expect(() => pool.run(work(8, 0))).not.toThrow();
});

import type { TensorInfo } from '@tensorflow/tfjs-core';
import { hasTokenScales, maxStored, type AttentionPlan } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import { kvFlag, kvQuads } from '../shaders/kv_types.js';
import type { BufferKvStorage, KvHalf } from '../storage/kv_storage.js';
import { runCall, type Call } from './call.js';
import { runSmall } from './flat.js';
import { uploadSlots } from './upload_batch.js';

const THREADS = 64;
/** Threads of one row of a cache write. */
const ROW_THREADS = 16;

const ROW_FIELDS = {
  numTokens: 'i32',
  numKvHeads: 'i32',
  lanes: 'i32',
  rowTexels: 'i32',
  scalesAt: 'i32',
  firstRow: 'i32',
  boundRows: 'i32',
} as const;
const WRITE_FIELDS = { ...ROW_FIELDS, largest: 'u32' } as const;

/** Writes k and v to the plan's slots. No output. */
export function reshapeAndCache(
  device: Device,
  inputs: { readonly k: TensorInfo; readonly v?: TensorInfo },
  plan: AttentionPlan,
  storage: BufferKvStorage,
): TensorInfo[] {
  return runCall(device, 'reshapeAndCache', (call) => {
    const { slotMapping } = plan;
    if (slotMapping === undefined) return;
    const slots = uploadSlots(device, plan, slotMapping);
    const sources = [inputs.k, inputs.v].map((info, i) => info && call.input('kv'[i], info));
    storage.halves.forEach((half, i) => {
      writeHalf(call, storage, half, i, { source: sources[i], slots }, slotMapping.length);
    });
  });
}

function writeHalf(
  call: Call,
  storage: BufferKvStorage,
  half: KvHalf,
  index: number,
  bindings: Readonly<Record<'source' | 'slots', GPUBufferBinding | undefined>>,
  numTokens: number,
): void {
  const { dtype, numKvHeads } = storage.layout;
  const kernel = {
    file: 'cache_write',
    fields: WRITE_FIELDS,
    constants: { THREADS, ROW_THREADS, KV_QUADS: kvQuads(dtype) },
    flags: flagsOf(storage),
  };
  storage.segments.forEach((segment, i) => {
    runSmall(call, kernel, {
      bindings: {
        ...bindings,
        scales: { buffer: storage.scales.buffer },
        codes: { buffer: half.buffers[i] },
      },
      values: {
        ...rowValues(storage, half, index, i),
        numTokens,
        largest: floatBits(maxStored(dtype)),
      },
      groups: Math.ceil((numTokens * numKvHeads * ROW_THREADS) / THREADS),
    });
  });
}

/** Dequantised keys `[T, K, H]` and values `[T, K, Hv]` of slots. */
export function gatherCache(
  device: Device,
  slots: Int32Array,
  storage: BufferKvStorage,
): TensorInfo[] {
  return runCall(device, 'gatherCache', (call) => {
    const { dtype, numKvHeads } = storage.layout;
    const kernel = {
      file: 'cache_gather',
      fields: ROW_FIELDS,
      constants: { THREADS, KV_QUADS: kvQuads(dtype) },
      flags: flagsOf(storage),
    };
    const uploaded = call.upload(Int32Array.from(slots));
    storage.halves.forEach((half, index) => {
      const output = call.output([slots.length, numKvHeads, half.size]);
      storage.segments.forEach((_, i) => {
        runSmall(call, kernel, {
          bindings: {
            slots: uploaded,
            scales: { buffer: storage.scales.buffer },
            codes: { buffer: half.buffers[i] },
            output,
          },
          values: { ...rowValues(storage, half, index, i), numTokens: slots.length },
          groups: Math.ceil(
            (slots.length * numKvHeads * half.rowTexels * kvQuads(dtype)) / THREADS,
          ),
        });
      });
    });
  });
}

/** Rows of keys (0) or values (1) that one buffer of a half holds. */
function rowValues(storage: BufferKvStorage, half: KvHalf, index: number, buffer: number) {
  const { numKvHeads, dtype } = storage.layout;
  const { firstRow, rows } = storage.segments[buffer];
  const perToken = storage.scales.at(index === 0 ? 'key' : 'value', 0);
  return {
    numKvHeads,
    lanes: half.size,
    rowTexels: half.rowTexels,
    scalesAt: hasTokenScales(dtype) ? perToken : index * numKvHeads,
    firstRow,
    boundRows: rows,
  };
}

function flagsOf({ layout }: BufferKvStorage): string[] {
  return [kvFlag(layout.dtype), ...(hasTokenScales(layout.dtype) ? ['TOKEN_SCALES'] : [])];
}

function floatBits(x: number): number {
  return new Uint32Array(Float32Array.of(x).buffer)[0];
}

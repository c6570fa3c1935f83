import type { TensorInfo } from '@tensorflow/tfjs-core';
import {
  hasTokenScales,
  maxStored,
  type AttentionPlan,
  type KvCacheLayout,
} from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import { bind, drawArea } from '../device/draw.js';
import type { TextureArray } from '../device/texture_array.js';
import { kvConstants } from '../shaders/kv_constants.js';
import type { KvHalf } from '../storage/kv_half.js';
import type { TextureKvStorage } from '../storage/kv_storage.js';
import type { TensorView } from '../tensors/input.js';
import type { OutputTensor } from '../tensors/output.js';
import { runCall, type Call } from './call.js';
import { coverProgram, pointProgram } from './programs.js';
import { scatterPoints } from './scatter_points.js';
import { uploadSlots } from './upload_batch.js';

/** Writes k and v to the plan's slots. No output. */
export function reshapeAndCache(
  device: Device,
  inputs: { readonly k: TensorInfo; readonly v?: TensorInfo },
  plan: AttentionPlan,
  storage: TextureKvStorage,
): TensorInfo[] {
  return runCall(device, 'reshapeAndCache', (call) => {
    const slots = plan.slotMapping;
    if (slots === undefined) return;
    const [k, v] = [call.input(inputs.k), inputs.v && call.input(inputs.v)];
    const ints = uploadSlots(device, plan, slots);
    device.run('reshapeAndCache', () => {
      writeHalf(storage, storage.key, 0, k, ints, slots);
      if (v) writeHalf(storage, storage.value, storage.layout.numKvHeads, v, ints, slots);
    });
  });
}

function writeHalf(
  { device, layout, headScales }: TextureKvStorage,
  { codes, tokenScales, size, rowTexels }: KvHalf,
  firstScale: number,
  rows: TensorView,
  ints: TextureArray,
  slots: Int32Array,
): void {
  const { gl } = device;
  const { numKvHeads, dtype } = layout;
  if (tokenScales) {
    const program = pointProgram(device, 'token_scales', {
      ...kvConstants(dtype),
      STORED_MAX: floatBits(maxStored(dtype)),
    });
    scatterPoints(gl, program, tokenScales.array, numKvHeads, slots, {
      arrays: { ints },
      tensors: { rows },
      ints: { axes: [numKvHeads, size] },
    });
  }
  const program = pointProgram(device, 'cache_write', kvConstants(dtype), flagsOf(layout));
  scatterPoints(gl, program, codes.array, numKvHeads * rowTexels, slots, {
    arrays: { ints, scales: tokenScales?.array ?? headScales },
    tensors: { rows },
    ints: { axes: [numKvHeads, size, rowTexels, firstScale] },
  });
}

/** Dequantised keys `[T, K, H]` of slots, and values `[T, K, Hv]` unless they are in the keys. */
export function gatherCache(
  device: Device,
  slots: Int32Array,
  storage: TextureKvStorage,
): TensorInfo[] {
  return runCall(device, 'gatherCache', (call) => {
    const { numKvHeads, headSize, valueHeadSize, valueInKey } = storage.layout;
    const k = call.output([slots.length, numKvHeads, headSize]);
    const v = valueInKey ? undefined : call.output([slots.length, numKvHeads, valueHeadSize]);
    const ints = slotTexture(call, slots);
    device.run('gatherCache', () => {
      gatherHalf(storage, storage.key, 0, ints, k);
      if (v) gatherHalf(storage, storage.value, numKvHeads, ints, v);
    });
  });
}

function gatherHalf(
  { device, layout, headScales }: TextureKvStorage,
  { codes, tokenScales, size, rowTexels }: KvHalf,
  firstScale: number,
  ints: TextureArray,
  output: OutputTensor,
): void {
  const { gl } = device;
  const { numKvHeads, dtype } = layout;
  const program = coverProgram(device, 'cache_gather', kvConstants(dtype), flagsOf(layout));
  bind(gl, program, {
    arrays: { ints, rows: codes.array, scales: tokenScales?.array ?? headScales },
    ints: {
      axes: [numKvHeads, size, rowTexels, firstScale],
      target: [output.width, output.size],
    },
  });
  device.aimAt(output.texture);
  drawArea(gl, { x: 0, y: 0, width: output.width, height: output.height });
}

function flagsOf({ dtype }: KvCacheLayout): string[] {
  return hasTokenScales(dtype) ? ['TOKEN_SCALES'] : [];
}

function slotTexture(call: Call, slots: Int32Array): TextureArray {
  const count = Math.ceil(slots.length / 4);
  const ints = call.folded('ints', count);
  const words = new Int32Array(count * 4);
  words.set(slots);
  ints.upload(words);
  return ints;
}

/** A float32's bits, for shaders that compute with them. */
export function floatBits(x: number): number {
  return new Int32Array(Float32Array.of(x).buffer)[0];
}

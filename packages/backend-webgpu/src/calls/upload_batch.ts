import type { AttentionInts, AttentionPlan, AttentionProblem } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import { packBatch, type Batch, type CutLimits } from '../schedule/batch.js';
import type { TileShape } from '../schedule/tile_shape.js';
import type { Call } from './call.js';

/** A batch on the device. */
export interface UploadedBatch extends Batch {
  readonly binding: GPUBufferBinding;
}

/** The batch of a problem; what a plan gives is uploaded once for all layers that cut and mask it alike. */
export function uploadBatch(
  call: Call,
  problem: AttentionProblem,
  shape: TileShape,
  limits: CutLimits,
): UploadedBatch {
  const { ints } = problem;
  if (isPlan(ints)) return uploadsOf(call.device, ints).batchOf(problem, shape, limits);
  const batch = packBatch(problem, shape, limits);
  return { ...batch, binding: call.upload(batch.words) };
}

/** The slots of a plan, uploaded once for all layers. */
export function uploadSlots(
  device: Device,
  plan: AttentionPlan,
  slots: Int32Array,
): GPUBufferBinding {
  return uploadsOf(device, plan).slotsOf(slots);
}

function uploadsOf(device: Device, plan: AttentionPlan): PlanUploads {
  return plan.resource(device, () => new PlanUploads(device));
}

/** What was uploaded for one plan: buffers of the pool, given back with the plan. */
class PlanUploads {
  private readonly batches = new Map<string, UploadedBatch>();
  private readonly buffers: GPUBuffer[] = [];
  private slots?: GPUBufferBinding;

  constructor(private readonly device: Device) {
    forgotten.register(this, { device, buffers: this.buffers }, this);
  }

  batchOf(problem: AttentionProblem, { rows, keys }: TileShape, limits: CutLimits): UploadedBatch {
    const { flags, windowLeft, windowRight, chunkSize, chunkLookback, numKvHeads } = problem.params;
    const { queriesPerKv } = problem.spec;
    const { mostSlots, direct, leastTiles } = limits;
    const key =
      `${rows},${keys},${queriesPerKv},${numKvHeads},${flags},${windowLeft},${windowRight},${chunkSize},` +
      `${chunkLookback},${mostSlots},${direct},${leastTiles}`;
    let found = this.batches.get(key);
    if (found === undefined) {
      const batch = packBatch(problem, { rows, keys }, limits);
      found = { ...batch, binding: this.upload(batch.words) };
      this.batches.set(key, found);
    }
    return found;
  }

  slotsOf(slots: Int32Array): GPUBufferBinding {
    this.slots ??= this.upload(Int32Array.from(slots));
    return this.slots;
  }

  dispose(): void {
    forgotten.unregister(this);
    giveBack(this.device, this.buffers);
  }

  private upload(words: Int32Array<ArrayBuffer>): GPUBufferBinding {
    const buffer = this.device.buffers.upload(words);
    this.buffers.push(buffer);
    return { buffer };
  }
}

function giveBack({ buffers: pool }: Device, buffers: readonly GPUBuffer[]): void {
  for (const buffer of buffers) pool.give(buffer);
}

/** Gives back what was uploaded for plans that nobody disposed. */
const forgotten = new FinalizationRegistry<{ device: Device; buffers: GPUBuffer[] }>(
  ({ device, buffers }) => giveBack(device, buffers),
);

function isPlan(ints: AttentionInts): ints is AttentionPlan {
  return 'resource' in ints;
}

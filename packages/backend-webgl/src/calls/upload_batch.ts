import type { AttentionInts, AttentionPlan, AttentionProblem } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import type { Uniforms } from '../device/draw.js';
import type { TextureArray } from '../device/texture_array.js';
import { packBatch, type Batch } from '../schedule/batch_ints.js';
import type { TileShape } from '../shaders/tile_shape.js';
import type { Call } from './call.js';

/** A batch on the device. */
export interface UploadedBatch extends Batch {
  readonly texture: TextureArray;
}

/** The batch of a problem; what a plan gives is uploaded once for all layers that cut and mask it alike. */
export function uploadBatch(
  call: Call,
  problem: AttentionProblem,
  shape: Pick<TileShape, 'rows' | 'tiled'>,
): UploadedBatch {
  const { ints } = problem;
  if (isPlan(ints)) {
    const { device } = call;
    return uploadsOf(device, ints).batchOf(problem, shape);
  }
  const batch = packBatch(problem, shape);
  return upload(batch, call.folded('ints', batch.words.length / 4));
}

/** What shaders know of a batch beside its texture. */
export function batchUniforms({ ints }: AttentionProblem, { at, packed }: Batch): Uniforms {
  return {
    intsAt: at,
    packedTiles: packed.tiles,
    ...(ints.dropout !== undefined && { dropout: Array.from(ints.dropout) }),
  };
}

function upload(batch: Batch, texture: TextureArray): UploadedBatch {
  texture.upload(batch.words);
  return { ...batch, texture };
}

/** The slots of a plan, four a texel, uploaded once for all layers. */
export function uploadSlots(device: Device, plan: AttentionPlan, slots: Int32Array): TextureArray {
  return uploadsOf(device, plan).slotsOf(slots);
}

function uploadsOf(device: Device, plan: AttentionPlan): PlanUploads {
  return plan.resource(device, () => new PlanUploads(device));
}

/** What was uploaded for one plan: textures of the pool, given back with the plan. */
class PlanUploads {
  private readonly batches = new Map<string, UploadedBatch>();
  private readonly textures: TextureArray[] = [];
  private slots?: TextureArray;

  constructor(private readonly device: Device) {
    forgotten.register(this, { device, textures: this.textures }, this);
  }

  batchOf(problem: AttentionProblem, shape: Pick<TileShape, 'rows' | 'tiled'>): UploadedBatch {
    const { flags, windowLeft, windowRight, chunkSize, chunkLookback } = problem.params;
    const { queriesPerKv } = problem.spec;
    const { rows, tiled } = shape;
    const key = `${rows},${tiled},${queriesPerKv},${flags},${windowLeft},${windowRight},${chunkSize},${chunkLookback}`;
    let found = this.batches.get(key);
    if (found === undefined) {
      const batch = packBatch(problem, shape);
      const texture = this.device.pool.folded('ints', batch.words.length / 4);
      this.textures.push(texture);
      found = upload(batch, texture);
      this.batches.set(key, found);
    }
    return found;
  }

  slotsOf(slots: Int32Array): TextureArray {
    if (this.slots === undefined) {
      const words = new Int32Array(Math.ceil(slots.length / 4) * 4);
      words.set(slots);
      this.slots = this.device.pool.folded('ints', words.length / 4);
      this.textures.push(this.slots);
      this.slots.upload(words);
    }
    return this.slots;
  }

  dispose(): void {
    forgotten.unregister(this);
    giveBack(this.device, this.textures);
  }
}

function giveBack({ pool }: Device, textures: readonly TextureArray[]): void {
  for (const texture of textures) pool.give(texture);
}

/** Gives back what was uploaded for plans that nobody disposed. */
const forgotten = new FinalizationRegistry<{ device: Device; textures: TextureArray[] }>(
  ({ device, textures }) => giveBack(device, textures),
);

function isPlan(ints: AttentionInts): ints is AttentionPlan {
  return 'resource' in ints;
}

import type { AttentionInts, AttentionPlan } from '@tfjs-attention/core/provider';
import type { Heap } from '../heap/heap.js';
import type { Region, Regions } from '../heap/region.js';
import type { Call } from './call.js';

const NAMES = [
  'queryStartLoc',
  'seqLens',
  'queryOffsets',
  'blockTables',
  'causalFlags',
  'rswaPrefixLens',
  'mmRanges',
  'dropout',
  'slotMapping',
] as const;

type Name = (typeof NAMES)[number];
type BatchInts = Readonly<Partial<Record<Name, Int32Array>>>;

/** A batch's integers where kernels can read them. */
export type IntRegions = Regions<Name>;

/** Up to this many integers are copied with each call, which is cheaper than to keep them; more are uploaded once a plan. */
const COPIED_INTS = 1024;

/** Integers of a call; those of a plan are uploaded at most once. */
export function batchInts(call: Call, ints: AttentionInts | AttentionPlan): IntRegions {
  const bytes = bytesOf(ints);
  if (!isPlan(ints) || bytes <= COPIED_INTS * 4) return pack(ints, call.workspace(bytes));
  const { heap } = call.site;
  return ints.resource(heap, () => new UploadedInts(ints, heap)).regions;
}

class UploadedInts {
  readonly regions: IntRegions;
  private readonly block: Region;

  constructor(
    plan: AttentionPlan,
    private readonly heap: Heap,
  ) {
    this.block = heap.allocate(bytesOf(plan));
    this.regions = pack(plan, this.block);
    forgotten.register(plan, { heap, block: this.block }, this);
  }

  dispose(): void {
    forgotten.unregister(this);
    this.heap.free(this.block);
  }
}

/** Frees what was uploaded for plans that nobody disposed. */
const forgotten = new FinalizationRegistry<{ heap: Heap; block: Region }>(({ heap, block }) =>
  heap.free(block),
);

function bytesOf(ints: BatchInts): number {
  return NAMES.reduce((sum, name) => sum + (ints[name]?.byteLength ?? 0), 0);
}

function pack(ints: BatchInts, block: Region): IntRegions {
  const words = block.ints();
  const regions: Partial<Record<Name, Region>> = {};
  let at = 0;
  for (const name of NAMES) {
    const values = ints[name];
    if (values === undefined) continue;
    words.set(values, at);
    regions[name] = block.part(at * 4, values.byteLength);
    at += values.length;
  }
  return regions;
}

function isPlan(ints: AttentionInts | AttentionPlan): ints is AttentionPlan {
  return 'resource' in ints;
}

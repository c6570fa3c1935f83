import type { AttentionInts, AttentionPlan } from '@tfjs-attention/core/provider';
import type { Binding } from '../tensorflow/backend.js';
import type { Device } from '../tensorflow/device.js';

/** Sections of the ints tensor, as `BatchInts` in kernels/node/call.h. */
const SECTIONS = [
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

type BatchInts = Readonly<Partial<Record<(typeof SECTIONS)[number], Int32Array>>>;

/** A batch's integers inside TensorFlow; those of a plan are uploaded once, however many layers read them. */
export function batchInts(device: Device, ints: AttentionInts | AttentionPlan): number {
  if (!isPlan(ints)) return device.ints.idOf(pack(ints));
  return ints.resource(device, () => new UploadedInts(ints, device.binding)).id;
}

class UploadedInts {
  readonly id: number;

  constructor(
    plan: AttentionPlan,
    private readonly binding: Binding,
  ) {
    const words = pack(plan);
    this.id = binding.createTensor([words.length], binding.TF_INT32, words);
    forgotten.register(plan, { binding, id: this.id }, this);
  }

  dispose(): void {
    forgotten.unregister(this);
    this.binding.deleteTensor(this.id);
  }
}

/** Frees what was uploaded for plans that nobody disposed. */
const forgotten = new FinalizationRegistry<{ binding: Binding; id: number }>(({ binding, id }) =>
  binding.deleteTensor(id),
);

function pack(ints: BatchInts): Int32Array {
  const total = SECTIONS.reduce<number>(
    (sum, name) => sum + (ints[name]?.length ?? 0),
    SECTIONS.length,
  );
  const words = new Int32Array(total);
  let at = SECTIONS.length;
  SECTIONS.forEach((name, i) => {
    const values = ints[name];
    if (values === undefined) return;
    words[i] = values.length;
    words.set(values, at);
    at += values.length;
  });
  return words;
}

function isPlan(ints: AttentionInts | AttentionPlan): ints is AttentionPlan {
  return 'resource' in ints;
}

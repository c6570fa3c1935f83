import type { AttentionInts, AttentionPlan } from '@tfjs-attention/core/provider';
import type { Device } from '../tensorflow/device.js';
import { WordPair } from '../tensorflow/word_pair.js';

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

/**
 * A batch's integers inside TensorFlow: in host memory for checks, and where the kernels read them (an empty tensor for
 * the same place). Those of a plan are uploaded once, however many layers read them.
 */
export function batchInts(
  device: Device,
  ints: AttentionInts | AttentionPlan,
): readonly [host: number, uploaded: number] {
  const { host, uploaded } = isPlan(ints)
    ? ints.resource(device, () => new PlanInts(ints, device)).pair
    : device.ints.pairOf(pack(ints));
  return [host, uploaded ?? device.empty('int')];
}

class PlanInts {
  readonly pair: WordPair;

  constructor(plan: AttentionPlan, { binding, usesGpu }: Device) {
    this.pair = new WordPair(binding, pack(plan), usesGpu);
    forgotten.register(plan, this.pair, this);
  }

  dispose(): void {
    forgotten.unregister(this);
    this.pair.dispose();
  }
}

/** Frees what was uploaded for plans that nobody disposed. */
const forgotten = new FinalizationRegistry<WordPair>((pair) => pair.dispose());

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

import * as tf from '@tensorflow/tfjs-core';
import {
  KvCache,
  MLAAttention,
  MLACommonMetadata,
  planAttention,
  withForwardContext,
  type AttentionPlan,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import { assertWithin, worstDistance } from '../assert.js';
import { inScope } from '../in_scope.js';
import { layBlocks, prefixSums, slotsOf } from '../paged_case.js';
import { randomFrom } from '../random.js';
import { implementationOf, type Spec, type Subject } from '../subject.js';
import { toleranceOf } from '../tolerance.js';
import { latentDefinition, latentNumbers, type LatentNumbers, type LatentStep } from './latent_model.js'; // prettier-ignore

const SIZES = { numHeads: 4, qkNopeHeadDim: 16, qkRopeHeadDim: 8, vHeadDim: 12, kvLoraRank: 32 };
const BLOCK = 8;

const STEPS: readonly LatentStep[] = [
  { ...SIZES, name: 'decodes', seqLens: [17, 3, 24], queryLens: [1, 1, 1] },
  { ...SIZES, name: 'prompts', seqLens: [9, 16], queryLens: [9, 16] },
  { ...SIZES, name: 'decodes, then prompts', seqLens: [17, 30, 5, 1], queryLens: [1, 4, 5, 1] },
  { ...SIZES, numHeads: 1, name: 'one head', seqLens: [11, 7], queryLens: [1, 7] },
  { ...SIZES, qkNopeHeadDim: 5, qkRopeHeadDim: 3, vHeadDim: 7, kvLoraRank: 10, name: 'odd sizes', seqLens: [13, 6], queryLens: [1, 4] }, // prettier-ignore
];

/** How a step is served. */
const WAYS = {
  absorbed: (plan: Plan) => planAttention(plan),
  expanded: (plan: Plan) => new MLACommonMetadata({ ...plan, numDecodes: 0 }),
  'as a builder splits it': (plan: Plan) => new MLACommonMetadata({ ...plan, numDecodes: 1 }),
  'in turns over the context': (plan: Plan) =>
    new MLACommonMetadata({
      ...plan,
      workspaceSize: BLOCK * plan.seqLens.length,
      blockSize: BLOCK,
    }),
} as const;
type Plan = ConstructorParameters<typeof MLACommonMetadata>[0];

class Rig {
  readonly layer: MLAAttention;
  readonly cache: KvCache;
  private readonly blockTables: Int32Array;

  constructor(
    private readonly step: LatentStep,
    private readonly numbers: LatentNumbers,
    subject: Subject,
    dtype?: KvCacheDtype,
  ) {
    const { name: _, seqLens, queryLens: __, ...sizes } = step;
    this.layer = new MLAAttention({ ...sizes, attnBackend: implementationOf(subject) });
    this.layer.build([]);
    const shape = this.layer.getWeights()[0].shape;
    this.layer.setWeights([tf.tensor(numbers.weight, shape)]);
    const { blockTables, numBlocks } = layBlocks(randomFrom(step.name), seqLens, BLOCK);
    this.blockTables = blockTables;
    const spec = this.layer.getKvCacheSpec({
      cacheConfig: { blockSize: BLOCK, cacheDtype: 'auto' },
      modelConfig: { maxModelLen: 64, dtype: 'float32' },
      schedulerConfig: { maxNumBatchedTokens: 64, maxNumSeqs: 8 },
    });
    this.cache = new KvCache(spec, { numBlocks, dtype });
  }

  /** The step, with earlier tokens written before it. */
  async run(way: (plan: Plan) => AttentionPlan): Promise<Float32Array> {
    const { seqLens, queryLens } = this.step;
    const slots = slotsOf(seqLens, this.blockTables, BLOCK);
    const all = { seqLens: Int32Array.from(seqLens), blockTables: this.blockTables };
    const everything = planAttention({
      ...all,
      queryStartLoc: prefixSums(seqLens),
      slotMapping: slots,
    });
    const first = prefixSums(seqLens);
    const fresh = seqLens.flatMap((keys, b) =>
      Array.from({ length: queryLens[b] }, (_, i) => first[b] + keys - queryLens[b] + i),
    );
    const plan = way({
      ...all,
      queryStartLoc: prefixSums(queryLens),
      slotMapping: Int32Array.from(fresh, (key) => slots[key]),
    });
    const { q, kvC, kPe } = this.numbers;
    const { numHeads, kvLoraRank, qkRopeHeadDim, qkNopeHeadDim } = this.step;
    const size = qkNopeHeadDim + qkRopeHeadDim;
    const latents = tf.tensor2d(kvC, [slots.length, kvLoraRank]);
    const ropes = tf.tensor2d(kPe, [slots.length, qkRopeHeadDim]);
    const rows = tf.tensor1d(fresh, 'int32');
    const none = tf.zeros([slots.length, numHeads, size]);
    this.apply(everything, [none, latents, ropes]).dispose();
    const queries = tf.tensor3d(q, [fresh.length, numHeads, size]);
    const out = this.apply(plan, [queries, tf.gather(latents, rows), tf.gather(ropes, rows)]);
    plan.dispose();
    everything.dispose();
    return out.data<'float32'>();
  }

  private apply(attnMetadata: AttentionPlan, inputs: tf.Tensor[]): tf.Tensor {
    const context = { attnMetadata, kvCaches: { [this.layer.name]: this.cache } };
    return withForwardContext(context, () => this.layer.apply(inputs) as tf.Tensor);
  }

  dispose(): void {
    this.cache.dispose();
    this.layer.dispose();
  }
}

function agreesSpec(step: LatentStep): Spec {
  return {
    name: `MLA layer, ${step.name}: every way gives the definition's numbers`,
    run: (subject) =>
      inScope(async () => {
        const numbers = latentNumbers(step);
        const exact = latentDefinition(step, numbers, (x) => x, false);
        const plain = [false, true].map((absorbed) =>
          toleranceOf(exact, latentDefinition(step, numbers, Math.fround, absorbed)),
        );
        const rig = new Rig(step, numbers, subject);
        try {
          for (const [name, way] of Object.entries(WAYS)) {
            assertWithin(name, await rig.run(way), exact, plain[0] + plain[1]);
          }
        } finally {
          rig.dispose();
        }
      }),
  };
}

/** A stored type moves the result by what it rounds away, and both ways by nearly the same. */
function storedSpec(dtype: KvCacheDtype, most: number): Spec {
  const step = STEPS[2];
  return {
    name: `MLA layer over a cache of ${dtype}: within ${most} of float32`,
    run: (subject) =>
      inScope(async () => {
        const numbers = latentNumbers(step);
        const exact = latentDefinition(step, numbers, (x) => x, false);
        const rig = new Rig(step, numbers, subject, dtype);
        try {
          for (const way of [WAYS.absorbed, WAYS['in turns over the context']]) {
            const { distance } = worstDistance(await rig.run(way), exact);
            if (distance > most) throw new Error(`off by ${distance}, allowed ${most}`);
          }
        } finally {
          rig.dispose();
        }
      }),
  };
}

/** Latent attention as a layer, on every backend. */
export function mlaLayer(): Spec[] {
  return [
    ...STEPS.map(agreesSpec),
    storedSpec('bfloat16', 0.03),
    storedSpec('int8_per_token_head', 0.06),
    storedSpec('int4_per_token_head', 0.9),
  ];
}

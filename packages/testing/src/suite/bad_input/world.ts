import * as tf from '@tensorflow/tfjs-core';
import type { AttentionError } from '@tfjs-attention/core';
import {
  FullAttentionSpec,
  KvCache,
  planAttention,
  type AttentionPlanOptions,
  type AttentionPlan,
} from '@tfjs-attention/core';
import { assert, assertSame, assertThrows } from '../assert.js';
import { assertSameBytes, fillCache, readCache, twinOf } from '../cache_bytes.js';
import type { Spec, Subject } from '../subject.js';

const BLOCK_SIZE = 4;
const NUM_BLOCKS = 6;
const FOREIGN = 'conformanceforeign';

/** Valid operands, of which a bad call changes one. B = 2, 5 queries, 7 keys, N = 4, K = 2, H = 8; T = 5. */
export class World {
  private readonly made: tf.Tensor[] = [];
  readonly q = this.tensor([2, 5, 4, 8]);
  readonly k = this.tensor([2, 7, 2, 8]);
  readonly v = this.tensor([2, 7, 2, 8]);
  /** Packed query, keys and values of the plan's 5 tokens. */
  readonly packedQ = this.tensor([5, 4, 8]);
  /** Query of one token of each of the plan's sequences. */
  readonly decodeQ = this.tensor([2, 4, 8]);
  readonly newK = this.tensor([5, 2, 8]);
  readonly newV = this.tensor([5, 2, 8]);
  readonly spec = new FullAttentionSpec({ blockSize: BLOCK_SIZE, numKvHeads: 2, headSize: 8 });
  readonly cache = new KvCache(this.spec, { numBlocks: NUM_BLOCKS });
  readonly plan = this.planWith({});

  /** A tensor that the bookkeeping knows of. */
  tensor(shape: number[], dtype: 'float32' | 'int32' | 'bool' = 'float32'): tf.Tensor {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const values = Float32Array.from({ length: size }, (_, i) => (i % 7) - 3);
    const made = tf.tensor(
      dtype === 'bool' ? values.map((x) => (x > 0 ? 1 : 0)) : values,
      shape,
      dtype,
    );
    this.made.push(made);
    return made;
  }

  disposed(shape: number[]): tf.Tensor {
    const made = tf.zeros(shape);
    made.dispose();
    return made;
  }

  /** Metadata of 4 prompt tokens of a new sequence and 1 of one with 6 keys. */
  metadata(changes: Readonly<Record<string, unknown>>): AttentionPlanOptions {
    return {
      queryStartLoc: Int32Array.of(0, 4, 5),
      seqLens: Int32Array.of(4, 6),
      blockTables: [[2], [1, 4]],
      slotMapping: Int32Array.of(8, 9, 10, 11, 17),
      ...changes,
    };
  }

  planWith(changes: Readonly<Record<string, unknown>>): AttentionPlan {
    return planAttention(this.metadata(changes));
  }

  disposedPlan(): AttentionPlan {
    const plan = this.planWith({});
    plan.dispose();
    return plan;
  }

  disposedCache(): KvCache {
    const cache = new KvCache(this.spec, { numBlocks: 2 });
    cache.dispose();
    return cache;
  }

  /** Calls while another tfjs backend is active. */
  elsewhere<T>(subject: Subject, call: () => T): T {
    if (!tf.engine().registryFactory[FOREIGN])
      tf.registerBackend(FOREIGN, () => new tf.KernelBackend());
    void tf.setBackend(FOREIGN);
    try {
      return call();
    } finally {
      void tf.setBackend(subject.tfBackend);
    }
  }

  get tensorsMade(): number {
    return this.made.filter((tensor) => !tensor.isDisposed).length;
  }

  dispose(): void {
    tf.dispose(this.made);
    this.cache.dispose();
    this.plan.dispose();
  }
}

type ErrorClass = abstract new (...args: never[]) => AttentionError;

/** A call that must throw: what is wrong with it, the class, and what the message must name. */
export interface BadCall {
  readonly what: string;
  readonly call: (world: World, subject: Subject) => unknown;
  readonly error: ErrorClass;
  readonly says: readonly RegExp[];
}

/** Throws the right error; the cache's bytes and the number of tensors are as before. */
export function badCallSpec(op: string, { what, call, error, says }: BadCall): Spec {
  return {
    name: `${op}: ${what}`,
    run: async (subject) => {
      const world = new World();
      try {
        const twin = twinOf(world.cache);
        await fillCache(world.cache, twin, 0x3c);
        const strangers = tf.memory().numTensors - world.tensorsMade;
        await assertThrows(() => call(world, subject), error, new RegExp(`^${op}`), ...says);
        assertSame('tensors left', [tf.memory().numTensors - world.tensorsMade], [strangers]);
        assertSameBytes(world.cache.layout, await readCache(world.cache), await readCache(twin));
        assert(tf.getBackend() === subject.tfBackend, 'the active backend has changed');
      } finally {
        world.dispose();
      }
    },
  };
}

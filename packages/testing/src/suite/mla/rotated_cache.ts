import * as tf from '@tensorflow/tfjs-core';
import {
  FullAttentionSpec,
  gatherCache,
  KvCache,
  MLAAttentionSpec,
  pagedAttention,
  reshapeAndCache,
  type KvCacheDtype,
} from '@tfjs-attention/core';
import { assert, assertSame, assertWithin } from '../assert.js';
import { assertSameBytes, readCache } from '../cache_bytes.js';
import { inScope } from '../in_scope.js';
import { makePaged, type PagedCase } from '../paged_case.js';
import { implementationOf, type Spec } from '../subject.js';

const BASE = { queryLens: [3, 1], seqLens: [20, 9], blockSize: 4, heads: [4, 1] } as const;

/** A cache that turns rows is one that does not, given turned rows. */
function rotationSpec(dtype: KvCacheDtype, size: readonly [number, number], latent: boolean): Spec {
  const c: PagedCase = { ...BASE, name: `a Hadamard cache of ${dtype}, ${size.join(' and ')}${latent ? ', latent' : ''}`, size, dtype }; // prettier-ignore
  return {
    name: c.name,
    run: (subject) =>
      inScope(async () => {
        const data = makePaged(c);
        const [headSize, valueHeadSize] = size;
        const geometry = { blockSize: c.blockSize, numKvHeads: 1, headSize, valueHeadSize };
        const spec = latent ? new MLAAttentionSpec(geometry) : new FullAttentionSpec(geometry);
        const make = (rotation: 'hadamard' | 'none') =>
          new KvCache(spec, { numBlocks: data.numBlocks, dtype, rotation });
        const [turning, plain] = [make('hadamard'), make('none')];
        try {
          const { rotation } = turning;
          assert(
            rotation !== null && plain.rotation === null,
            'rotation is not where it was asked',
          );
          const value = latent ? null : data.v;
          reshapeAndCache(data.k, value, turning, data.writePlan);
          const turnedValue = value && (rotation.turn(value) as tf.Tensor3D);
          reshapeAndCache(rotation.turn(data.k), turnedValue, plain, data.writePlan);
          const { rotation: _, ...layout } = turning.layout;
          assertSameBytes(layout, await readCache(turning), await readCache(plain));
          const implementation = implementationOf(subject);
          const softmaxScale = 1 / Math.sqrt(headSize);
          const options = { implementation, softmaxScale };
          const actual = pagedAttention(data.q, turning, data.plan, options);
          const turned = pagedAttention(rotation.turn(data.q), plain, data.plan, {
            implementation,
            softmaxScale: softmaxScale / rotation.block,
          });
          assertSame('output', await actual.data(), await rotation.turnBack(turned).data());
          const { key } = gatherCache(turning, data.writePlan);
          const most = { float32: 2e-6, int8_per_token_head: 0.05 }[dtype as 'float32'] ?? 0.7;
          assertWithin('keys that were turned back', await key.data(), await data.k.data(), most);
        } finally {
          turning.dispose();
          plain.dispose();
          data.plan.dispose();
          data.writePlan.dispose();
        }
      }),
  };
}

/** Outliers share a scale with whatever they meet: turned, their row keeps more. */
const gainSpec: Spec = {
  name: 'a Hadamard cache of int4 keeps rows with outliers better',
  run: () =>
    inScope(async () => {
      const data = makePaged({ ...BASE, name: 'outliers', size: [64, 64] });
      const k = tf.tidy(() => tf.mul(data.k, tf.tensor1d(Array.from({ length: 64 }, (_, i) => (i === 5 ? 40 : 1))))); // prettier-ignore
      const spec = new FullAttentionSpec({ blockSize: 4, numKvHeads: 1, headSize: 64 });
      const errors: number[] = [];
      for (const rotation of ['none', 'hadamard'] as const) {
        const cache = new KvCache(spec, {
          numBlocks: data.numBlocks,
          dtype: 'int4_per_token_head',
          rotation,
        });
        reshapeAndCache(k, data.v, cache, data.writePlan);
        const { key } = gatherCache(cache, data.writePlan);
        const [read, given] = [await key.data<'float32'>(), await k.data<'float32'>()];
        errors.push(read.reduce((sum, x, i) => sum + (x - given[i]) ** 2, 0));
        cache.dispose();
      }
      assert(errors[1] < errors[0] / 2, `squared error ${errors[1]}, without it ${errors[0]}`);
    }),
};

export function rotatedCaches(): Spec[] {
  return [
    rotationSpec('float32', [64, 64], false),
    rotationSpec('int4_per_token_head', [64, 32], false),
    rotationSpec('int4_per_token_head', [80, 80], false),
    rotationSpec('int4_per_token_head', [72, 64], true),
    rotationSpec('int8_per_token_head', [48, 32], true),
    gainSpec,
  ];
}

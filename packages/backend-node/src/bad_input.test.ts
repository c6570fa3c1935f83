// What the ops themselves refuse, called by name past all checks of core. Many more cases: scripts/fuzz.mjs.
import * as tf from '@tensorflow/tfjs-core';
import {
  FullAttentionSpec,
  InvalidArgumentError,
  KvCache,
  pagedAttention,
  planAttention,
} from '@tfjs-attention/core';
import { beforeEach, expect, jest, test } from '@jest/globals';
import './index.js';
import type { TensorKvStorage } from './kv_storage.js';
import { Device } from './tensorflow/device.js';
import { describeTensorFlow } from './tensorflow_test.js';

/** Offsets into the params tensor of a paged call: header, then `ATTENTION_PARAMS`. */
const HEADER = 6;
const FLAGS = HEADER + 4;
const NUM_HEADS = HEADER + 11;
const MAX_SEQ_LEN = HEADER + 16;

/** Offsets into its ints tensor: nine lengths, queryStartLoc [2], seqLens [1], queryOffsets [1], blockTables [2]. */
const SEQ_LEN = 11;
const BLOCK_TABLE = 13;

interface PagedCall {
  params: Int32Array;
  ints: Int32Array;
  q: Float32Array;
  qShape: number[];
}

describeTensorFlow('ops called by name', () => {
  let cache: KvCache;
  let call: PagedCall;

  /** Records what a valid call sends. */
  function record(): PagedCall {
    const device = Device.of(tf.backend());
    const run = jest.spyOn(device, 'run');
    const q = tf.ones<tf.Rank.R3>([1, 2, 8]);
    const plan = planAttention({
      queryStartLoc: Int32Array.of(0, 1),
      seqLens: Int32Array.of(6),
      blockTables: [[1, 0]],
    });
    pagedAttention(q, cache, plan, { implementation: 'FUSED' }).dispose();
    const [, , inputs] = run.mock.calls[0];
    run.mockRestore();
    const [params, ints] = inputs.map((id) => device.binding.tensorDataSync(id));
    plan.dispose();
    return {
      params: params as Int32Array,
      ints: ints as Int32Array,
      q: new Float32Array(16).fill(1),
      qShape: [1, 2, 8],
    };
  }

  function send({ params, ints, q, qShape }: PagedCall): Float32Array {
    const device = Device.of(tf.backend());
    const cacheId = (cache.storageFor('test') as TensorKvStorage).idFor('test', device);
    return tf.tidy(() => {
      const tensor = tf.tensor(q, qShape);
      return device.withInts(params, (paramsId) =>
        device.withInts(ints, (intsId) => {
          const [absent, mask] = [device.empty('float'), device.empty('bool')];
          const uploaded = device.empty('int');
          const inputs = [paramsId, intsId, uploaded, device.idOf(tensor), cacheId];
          const scores = [absent, mask, absent, absent, absent];
          const [out] = device.run('test', 'TfjsAttnPaged', [...inputs, ...scores], 1);
          return out.dataSync<'float32'>().slice();
        }),
      );
    });
  }

  beforeEach(async () => {
    tf.env().set('IS_TEST', true);
    await tf.setBackend('tensorflow');
    cache = new KvCache(new FullAttentionSpec({ blockSize: 4, numKvHeads: 1, headSize: 8 }), {
      numBlocks: 2,
    });
    call = record();
  });

  test('the recorded call runs', () => {
    expect([...send(call)]).toEqual(new Array(16).fill(0));
  });

  const wrong: [string, (call: PagedCall) => void, RegExp][] = [
    [
      'a block outside the cache',
      ({ ints }) => (ints[BLOCK_TABLE] = 2),
      /blockTables\[0\]\[0\] = 2/,
    ],
    ['a negative block', ({ ints }) => (ints[BLOCK_TABLE] = -1), /blockTables/],
    [
      'a length past its table',
      ({ ints, params }) => (ints[SEQ_LEN] = params[MAX_SEQ_LEN] = 9),
      /block table/,
    ],
    ['a length past the longest', ({ ints }) => (ints[SEQ_LEN] = 7), /seqLens is 7/],
    ['heads that do not divide', ({ params }) => (params[NUM_HEADS] = 3), /strides|tokens|q /],
    ['an operand that is absent', ({ params }) => (params[FLAGS] |= 64), /sinks has 0 elements/],
    ['a flag of the future', ({ params }) => (params[FLAGS] |= 1 << 20), /flags/],
    ['another version', ({ params }) => (params[0] = 99), /version 99/],
    ['a section that is too long', ({ ints }) => (ints[0] = 1000), /section 0 of ints/],
    ['a query of another rank', (changed) => (changed.qShape = [16]), /rank/],
    [
      'too short a query',
      (changed) => Object.assign(changed, { q: new Float32Array(8), qShape: [1, 1, 8] }),
      /q has 8/,
    ],
    [
      'params that are cut off',
      (changed) => (changed.params = changed.params.slice(0, 7)),
      /params has 7 words/,
    ],
  ];

  test.each(wrong)('%s is refused', (_, change, message) => {
    const tensors = tf.memory().numTensors;
    change(call);
    expect(() => send(call)).toThrow(InvalidArgumentError);
    expect(() => send(call)).toThrow(message);
    expect(tf.memory().numTensors).toBe(tensors);
  });
});

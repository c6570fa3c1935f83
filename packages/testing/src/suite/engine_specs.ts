import * as tf from '@tensorflow/tfjs-core';
import {
  explainAttnBackend,
  flashAttention,
  mergeAttnStates,
  pagedAttention,
  planAttention,
  reshapeAndCache,
} from '@tfjs-attention/core';
import { KERNEL_NAMES, TRAINING_KERNEL_NAMES } from '@tfjs-attention/core/provider';
import { assert, assertSame } from './assert.js';
import { makeDense, type DenseCase } from './dense_case.js';
import { makeCache, makePaged, type PagedCase } from './paged_case.js';
import { implementationOf, type Spec } from './subject.js';

const DENSE: DenseCase = { name: 'engine', queryLen: 4, keys: 9, features: { causal: true } };
const PAGED: PagedCase = { name: 'engine', queryLens: [3, 1], seqLens: [5, 9], blockSize: 4 };
const STEPS = 40;

const numTensors = () => tf.memory().numTensors;

/** How the ops live with tfjs's engine: what they leave behind, what it sees of them. */
export const engineSpecs: readonly Spec[] = [
  {
    name: 'the kernel table is the documented one',
    fusedOnly: true,
    run: ({ tfBackend }) => {
      const names = tf
        .getKernelsForBackend(tfBackend)
        .map(({ kernelName }) => kernelName)
        .filter((name) => name.startsWith('TfjsAttn'))
        .sort();
      const training = TRAINING_KERNEL_NAMES.some((name) => names.includes(name));
      const wanted = [...KERNEL_NAMES, ...(training ? TRAINING_KERNEL_NAMES : [])].sort();
      assert(names.join() === wanted.join(), `registered: ${names.join(', ')}`);
    },
  },
  {
    name: 'automatic choice takes the kernels where they are',
    fusedOnly: true,
    run: () => {
      for (const [headSize, name] of [
        [8, 'FUSED'],
        [64, 'FLASH_ATTN'],
      ] as const) {
        const { backend, kernels, rejected } = explainAttnBackend({ headSize, blockSize: 16 });
        const chosen = `${backend.getName()} by ${kernels}`;
        assert(chosen === `${name} by FUSED`, `${chosen}, rejected: ${JSON.stringify(rejected)}`);
      }
    },
  },
  {
    name: 'an op leaves its results and nothing else',
    run: (subject) => {
      tf.tidy(() => {
        const { q, k, v, options } = makeDense(DENSE);
        const implementation = implementationOf(subject);
        const before = numTensors();
        const output = flashAttention(q, k, v, { ...options, implementation, returnLse: false });
        const one = numTensors();
        const state = flashAttention(q, k, v, { ...options, implementation, returnLse: true });
        const three = numTensors();
        const merged = mergeAttnStates(state, state, { sinks: [0, 1] });
        const five = numTensors();
        tf.dispose([output, state.output, state.lse, merged.output, merged.lse]);
        assertSame('tensors', [one, three, five, numTensors()].map((n) => n - before), [1, 3, 5, 0]); // prettier-ignore
      });
    },
  },
  {
    name: 'tf.tidy frees the results, tf.keep saves them',
    run: async (subject) => {
      const before = numTensors();
      const implementation = implementationOf(subject);
      const kept = tf.tidy(() => {
        const { q, k, v } = makeDense(DENSE);
        flashAttention(q, k, v, { implementation });
        return tf.keep(flashAttention(q, k, v, { implementation }));
      });
      assertSame('tensors', [numTensors()], [before + 1]);
      assertSame('values', [(await kept.data()).length], [kept.size]);
      kept.dispose();
    },
  },
  {
    name: 'data() and dataSync() agree, and inputs are unchanged',
    run: async (subject) => {
      const { q, k, v } = makeDense(DENSE);
      const before = Array.from(q.dataSync());
      const output = flashAttention(q, k, v, { implementation: implementationOf(subject) });
      assertSame('data()', await output.data(), output.dataSync());
      assertSame('q', await q.data(), before);
      tf.dispose([q, k, v, output]);
    },
  },
  {
    name: 'tf.profile sees the kernel and its bytes',
    run: async (subject) => {
      const { q, k, v } = makeDense(DENSE);
      const implementation = implementationOf(subject);
      const profile = await tf.profile(() => flashAttention(q, k, v, { implementation }));
      const fused = profile.kernelNames.includes('TfjsAttnPrefill');
      assert(fused === (implementation === 'FUSED'), `kernels: ${profile.kernelNames.join(', ')}`);
      assertSame('new tensors', [profile.newTensors], [1]);
      tf.dispose([q, k, v, profile.result]);
    },
  },
  {
    name: `${STEPS} decode steps leave tensors and cache as large as before`,
    run: (subject) => {
      tf.tidy(() => {
        const data = makePaged(PAGED);
        const cache = makeCache(PAGED, data.numBlocks);
        reshapeAndCache(data.k, data.v, cache, data.writePlan);
        const step = () => {
          const plan = planAttention({ ...data.plan, queryOffset: data.plan.queryOffsets });
          pagedAttention(data.q, cache, plan, {
            implementation: implementationOf(subject),
          }).dispose();
          plan.dispose();
        };
        step();
        const before = { ...tf.memory(), cache: cache.memory().bytes };
        for (let i = 0; i < STEPS; i++) step();
        const after = { ...tf.memory(), cache: cache.memory().bytes };
        assertSame(
          'tensors, bytes, data buffers, cache bytes',
          [after.numTensors, after.numBytes, after.numDataBuffers, after.cache],
          [before.numTensors, before.numBytes, before.numDataBuffers, before.cache],
        );
        cache.dispose();
        assertSame('bytes of a disposed cache', [cache.memory().bytes], [0]);
        cache.dispose();
      });
    },
  },
];

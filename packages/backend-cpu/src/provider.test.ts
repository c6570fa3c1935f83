import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import {
  BackendMismatchError,
  DeviceError,
  explainAttnBackend,
  flashAttention,
  FullAttentionSpec,
  InvalidArgumentError,
  KvCache,
  ready,
  UnsupportedError,
} from '@tfjs-attention/core';
import { providerFor } from '@tfjs-attention/core/provider';
import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { memory, setWasmModule, setWasmUrl } from './index.js';

beforeAll(() => {
  tf.env().set('IS_TEST', true);
});

beforeEach(async () => {
  await tf.setBackend('cpu');
});

afterEach(() => {
  jest.restoreAllMocks();
  setWasmUrl(undefined);
  setWasmModule('auto');
});

const describeActive = () => providerFor(tf.getBackend())?.describe();
const attend = () => {
  const x = tf.ones([1, 2, 1, 4]);
  return flashAttention(x, x, x, { implementation: 'FUSED' }).dataSync();
};
const refuseToCompile = () => {
  const refusal = new Error('Wasm code generation disallowed by embedder');
  jest.spyOn(WebAssembly, 'compile').mockRejectedValue(refusal);
  jest.spyOn(WebAssembly, 'Module').mockImplementation(() => {
    throw refusal;
  });
};

describe('what serves, in words', () => {
  test.each([
    ['cpu', 'simd', 'WASM SIMD, 1 thread, own memory'],
    ['cpu', 'relaxed', 'WASM relaxed SIMD, 1 thread, own memory'],
    ['cpu', 'typescript', "plain TypeScript: asked for by setWasmModule('typescript')"],
    ['wasm', 'simd', "WASM SIMD, 1 thread, inside tfjs-wasm's memory without copies"],
  ] as const)('%s, %s', async (backend, module, words) => {
    await tf.setBackend(backend);
    setWasmModule(module);
    expect(describeActive()).toBe(words);
  });

  test('a backend that is not active is not started for it', () => {
    expect(providerFor('wasm')?.describe()).toMatch(/not active/);
  });
});

describe('where a policy forbids WebAssembly', () => {
  test('TypeScript serves, with or without ready()', async () => {
    setWasmUrl({ simd: 'data:application/wasm,', relaxed: 'data:application/wasm,' });
    refuseToCompile();
    await ready('cpu');
    expect(describeActive()).toMatch(/^plain TypeScript: WebAssembly is blocked by CSP/);
    expect([...attend()]).toEqual(new Array(8).fill(1));
  });

  test('a module asked for by name is missed by name', async () => {
    setWasmUrl({ simd: 'data:application/wasm,', relaxed: 'data:application/wasm,' });
    setWasmModule('simd');
    refuseToCompile();
    await expect(ready('cpu')).rejects.toThrow(UnsupportedError);
    expect(attend).toThrow(/blocked by CSP/);
    expect(describeActive()).toMatch(/blocked by CSP/);
  });
});

describe('modules from an address', () => {
  test('serve once they are fetched; until then the reason says so', async () => {
    const { default: base64 } = await import('kernels/dist/attention_simd.wasm');
    setWasmModule('simd');
    setWasmUrl({ simd: `data:application/wasm;base64,${base64}`, relaxed: 'data:,' });
    expect(explainAttnBackend(64).rejected).toContainEqual({
      name: 'FUSED',
      reasons: [expect.stringMatching(/await ready\(\) first/)],
    });
    await ready('cpu');
    expect(explainAttnBackend(64).rejected).toEqual([]);
    expect([...attend()]).toEqual(new Array(8).fill(1));
  });

  test('that do not answer are an error of ready()', async () => {
    jest.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('fetch failed'));
    setWasmUrl({ simd: 'https://gone.test/a', relaxed: 'https://gone.test/b' });
    await expect(ready('cpu')).rejects.toThrow(DeviceError);
    expect(() => setWasmUrl({ simd: 'only' } as never)).toThrow(InvalidArgumentError);
  });
});

test('head sizes past the kernels are left to others, except in TypeScript', () => {
  expect(explainAttnBackend(577).rejected).toContainEqual({
    name: 'FUSED',
    reasons: [expect.stringMatching(/577 is above 576/)],
  });
  setWasmModule('typescript');
  expect(explainAttnBackend(577).kernels).toBe('FUSED');
});

test('settings are refused while a cache lives, and unknown ones always', () => {
  const cache = new KvCache(new FullAttentionSpec({ blockSize: 4, numKvHeads: 1, headSize: 8 }), {
    numBlocks: 2,
  });
  expect(() => setWasmModule('simd')).toThrow(/before the first KvCache/);
  expect(() => setWasmUrl(undefined)).toThrow(InvalidArgumentError);
  cache.dispose();
  expect(() => setWasmModule('avx' as never)).toThrow(/auto, relaxed, simd, typescript/);
});

test('another choice gives what it held inside tfjs-wasm back', async () => {
  await tf.setBackend('wasm');
  attend();
  const held = memory().active.bytesInUse;
  expect(held).toBeGreaterThan(0);
  setWasmModule('simd');
  expect(memory().active.bytesInUse).toBe(0);
  attend();
  expect(memory().active.bytesInUse).toBe(held);
});

test('a cache of a backend object that was removed is refused', async () => {
  const { registerCpuBackend } = await import('./index.js');
  registerCpuBackend({ name: 'gone' });
  await tf.setBackend('gone');
  setWasmModule('typescript');
  const cache = new KvCache(new FullAttentionSpec({ blockSize: 4, numKvHeads: 1, headSize: 8 }), {
    numBlocks: 2,
  });
  tf.removeBackend('gone');
  registerCpuBackend({ name: 'gone' });
  await tf.setBackend('gone');
  expect(() => cache.toTensors()).toThrow(BackendMismatchError);
  cache.dispose();
});

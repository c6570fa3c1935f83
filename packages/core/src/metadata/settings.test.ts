import { afterEach, expect, test } from '@jest/globals';
import { env } from '@tensorflow/tfjs-core';
import { FlashAttentionBackend } from '../backends/index.js';
import type { LayerParametersSource, VllmConfig } from '../config.js';
import { InvalidArgumentError } from '../errors.js';
import { FullAttentionSpec } from '../kv_cache/spec.js';
import { createFastPrefillCustomBackend } from './fast_prefill.js';
import { makeCommon } from './fixtures.js';
import {
  getKvCacheLayout,
  isValidKvCacheLayout,
  setConnectorKvCacheLayout,
  setKvCacheLayout,
} from './kv_cache_layout.js';
import { getPerLayerParameters, inferGlobalHyperparameters } from './per_layer_parameters.js';

const FLAG = 'TFJS_ATTENTION_KV_CACHE_LAYOUT';

afterEach(() => {
  setKvCacheLayout(null);
  setConnectorKvCacheLayout(null);
  env().set(FLAG, '');
});

test('a layout that is set counts more than the flag, the flag more than a connector', () => {
  expect(getKvCacheLayout()).toBe('NHD');
  setConnectorKvCacheLayout('HND');
  expect(getKvCacheLayout()).toBe('HND');
  env().set(FLAG, 'NHD');
  expect(getKvCacheLayout()).toBe('NHD');
  setKvCacheLayout('HND');
  expect(getKvCacheLayout()).toBe('HND');
});

test('only two layouts are known', () => {
  expect(['NHD', 'HND', 'nhd', undefined].map(isValidKvCacheLayout)).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(() => setKvCacheLayout('DHN' as never)).toThrow(/'DHN' is not one of NHD, HND/);
  env().set(FLAG, 'DHN');
  expect(() => getKvCacheLayout()).toThrow(InvalidArgumentError);
});

class Impl implements LayerParametersSource {
  constructor(
    readonly scale: number,
    readonly slidingWindow: [number, number] | null = null,
    readonly logitsSoftCap: number | null = null,
    readonly sinks: unknown = null,
  ) {}
}

function configOf(impls: Record<string, LayerParametersSource>): VllmConfig {
  const layers = Object.entries(impls).map(([name, impl]) => [
    name,
    { impl, getAttnBackend: () => FlashAttentionBackend, getKvCacheSpec: () => null },
  ]);
  return {
    cacheConfig: { blockSize: 16, cacheDtype: 'auto' },
    modelConfig: { maxModelLen: 64, dtype: 'float32' },
    schedulerConfig: { maxNumBatchedTokens: 64, maxNumSeqs: 4 },
    compilationConfig: { staticForwardContext: Object.fromEntries(layers) as never },
  };
}

test('parameters of layers are read from their implementations', () => {
  const config = configOf({ a: new Impl(0.5), b: new Impl(0.5, [7, 0], 30, [1]) });
  expect(getPerLayerParameters(config, ['a', 'b'], Impl)).toEqual({
    a: { windowLeft: -1, logitsSoftCap: null, smScale: 0.5, hasSinks: false },
    b: { windowLeft: 7, logitsSoftCap: 30, smScale: 0.5, hasSinks: true },
  });
  expect(() => getPerLayerParameters(config, ['c'])).toThrow(/no layer is registered as 'c'/);
  class Other extends Impl {}
  expect(() => getPerLayerParameters(config, ['a'], Other)).toThrow(
    /implemented by Impl, not Other/,
  );
});

test.each<[string, Impl, boolean, boolean]>([
  ['the same', new Impl(0.5, [3, 0], 30), true, true],
  ['another window', new Impl(0.5, null, 30), false, false],
  ['another cap', new Impl(0.5, [3, 0]), true, false],
  ['another scale', new Impl(0.25, [3, 0], 30), true, false],
  ['sinks', new Impl(0.5, [3, 0], 30, [1]), true, false],
])('a second layer with %s', (_name, impl, hasSameWindowLefts, hasSameAllParams) => {
  const config = configOf({ a: new Impl(0.5, [3, 0], 30), b: impl });
  expect(inferGlobalHyperparameters(getPerLayerParameters(config, ['a', 'b']))).toEqual({
    windowLeft: 3,
    logitsSoftCap: 30,
    smScale: 0.5,
    hasSinks: false,
    hasSameWindowLefts,
    hasSameAllParams,
  });
});

test('no layer has no parameters', () => {
  expect(() => inferGlobalHyperparameters({})).toThrow(InvalidArgumentError);
});

test('a strategy for fast prefill builds from the tokens that stay', () => {
  const backend = createFastPrefillCustomBackend('FastPrefill', FlashAttentionBackend);
  expect(backend.name).toBe('FastPrefillFlashAttentionBackend');
  expect(backend.getName()).toBe('FLASH_ATTN');
  const kvCacheSpec = new FullAttentionSpec({ blockSize: 16, numKvHeads: 1, headSize: 8 });
  const builder = new (backend.getBuilderCls())(kvCacheSpec, ['a'], configOf({}));
  const logitsIndices = Int32Array.of(14, 18, 19, 27);
  const common = makeCommon([15, 5, 8], [15, 25, 28], { logitsIndices });
  expect(builder.build(0, common)).toMatchObject({
    queryStartLoc: Int32Array.of(0, 1, 3, 4),
    logitsIndices,
    numLogitsIndices: 4,
  });
  expect(() => builder.build(0, makeCommon([2], [2]))).toThrow(/needs logitsIndices/);
});

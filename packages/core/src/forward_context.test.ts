import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, test } from '@jest/globals';
import { BatchDescriptor } from './batch_descriptor.js';
import type { VllmConfig } from './config.js';
import { InvalidArgumentError, MissingMetadataError } from './errors.js';
import {
  createForwardContext,
  getForwardContext,
  kvCacheFor,
  metadataFor,
  overrideForwardContext,
  setForwardContext,
  ubatchContexts,
  withForwardContext,
  type ForwardContext,
} from './forward_context.js';
import { KvCache } from './kv_cache/kv_cache.js';
import { FullAttentionSpec } from './kv_cache/spec.js';
import { planAttention } from './utils/plan_attention.js';

const plan = planAttention({
  queryStartLoc: Int32Array.of(0, 1),
  seqLens: Int32Array.of(1),
  blockTables: [[0]],
});
const spec = new FullAttentionSpec({ blockSize: 1, numKvHeads: 1, headSize: 1 });
const cache = new KvCache(spec, { numBlocks: 1 });
const context: ForwardContext = { attnMetadata: plan, kvCaches: { a: cache } };
const config = (): VllmConfig => ({
  cacheConfig: { blockSize: 1, cacheDtype: 'auto' },
  modelConfig: { maxModelLen: 8, dtype: 'float32' },
  schedulerConfig: { maxNumBatchedTokens: 8, maxNumSeqs: 1 },
});

describe('scopes', () => {
  test('there is a context inside the scope and none outside', () => {
    expect(getForwardContext()).toBeUndefined();
    expect(withForwardContext(context, () => getForwardContext())).toBe(context);
    expect(getForwardContext()).toBeUndefined();
  });

  test('they nest, and end when the function throws', () => {
    const inner: ForwardContext = { ...context };
    withForwardContext(context, () => {
      const broken = () =>
        withForwardContext(inner, () => {
          expect(getForwardContext()).toBe(inner);
          throw new Error('inside');
        });
      expect(broken).toThrow('inside');
      expect(getForwardContext()).toBe(context);
    });
    expect(getForwardContext()).toBeUndefined();
  });

  test('a function that returns a promise is refused, and told what to do', () => {
    const call = () => withForwardContext(context, () => Promise.resolve(1));
    expect(call).toThrow(InvalidArgumentError);
    expect(call).toThrow(/withForwardContext.*synchronous scope.*\{forwardContext\}/);
    expect(getForwardContext()).toBeUndefined();
  });

  test('an override of null takes the context away for a while', () => {
    withForwardContext(context, () => {
      expect(overrideForwardContext(null, () => getForwardContext())).toBeUndefined();
      expect(getForwardContext()).toBe(context);
    });
  });

  test('a context of a config knows the layers registered there', () => {
    const staticForwardContext = { a: {} as never };
    const vllmConfig = { ...config(), compilationConfig: { staticForwardContext } };
    const made = createForwardContext(plan, vllmConfig, {
      batchDescriptor: new BatchDescriptor(4),
    });
    expect(made.noCompileLayers).toBe(staticForwardContext);
    expect(made).toMatchObject({ virtualEngine: 0, batchDescriptor: { numTokens: 4 } });
    const seen = setForwardContext(plan, vllmConfig, { virtualEngine: 1 }, () =>
      getForwardContext(),
    );
    expect(seen).toMatchObject({ attnMetadata: plan, virtualEngine: 1 });
    expect(createForwardContext(null, config()).noCompileLayers).toEqual({});
  });
});

describe('lookup', () => {
  test('one plan serves every layer, a record serves by name', () => {
    expect(metadataFor(context, 'a')).toBe(plan);
    expect(metadataFor({ ...context, attnMetadata: { a: plan } }, 'a')).toBe(plan);
    expect(metadataFor({ ...context, attnMetadata: null }, 'a')).toBeNull();
    expect(kvCacheFor(context, 'a')).toBe(cache);
  });

  test("a layer that reads another's cache may stand under that one's name", () => {
    expect(metadataFor({ ...context, attnMetadata: { a: plan } }, 'b', 'a')).toBe(plan);
    expect(kvCacheFor(context, 'b', 'a')).toBe(cache);
  });

  test('a bound cache serves where the context has none, by virtual engine', () => {
    const other = new KvCache(spec, { numBlocks: 1 });
    const bound = [cache, other];
    expect(kvCacheFor({ attnMetadata: plan }, 'a', null, bound)).toBe(cache);
    expect(kvCacheFor({ attnMetadata: plan, virtualEngine: 1 }, 'a', null, bound)).toBe(other);
    expect(kvCacheFor(context, 'a', null, [other])).toBe(cache);
  });

  test('what is missing is named, with the names that are there', () => {
    expect(() => kvCacheFor(context, 'b')).toThrow(MissingMetadataError);
    expect(() => kvCacheFor(context, 'b')).toThrow(/'b'.*no kvCaches entry.*it has a\)/);
    const named: ForwardContext = { ...context, attnMetadata: {} };
    expect(() => metadataFor(named, 'a')).toThrow(/'a'.*no attnMetadata entry.*it has none\)/);
  });

  test('micro-batches have a context each', () => {
    const other = planAttention({
      queryStartLoc: Int32Array.of(0, 2),
      seqLens: Int32Array.of(2),
      blockTables: [[0]],
    });
    const cut: ForwardContext = { ...context, attnMetadata: [{ a: plan }, { a: other }] };
    expect(() => metadataFor(cut, 'a')).toThrow(/2 micro-batches.*ubatchContexts/);
    expect(ubatchContexts(cut).map((one) => metadataFor(one, 'a'))).toEqual([plan, other]);
    expect(ubatchContexts(context)).toEqual([context]);
  });
});

test('a descriptor without the promise of equal lengths', () => {
  const descriptor = new BatchDescriptor(3, true, true);
  expect(descriptor.nonUniform).toEqual(new BatchDescriptor(3, false, true));
  expect(new BatchDescriptor(3).uniformDecode).toBe(false);
});

import '@tensorflow/tfjs-backend-cpu';
import { expect, test } from '@jest/globals';
import { InvalidArgumentError, MissingMetadataError } from './errors.js';
import {
  getForwardContext,
  layerContext,
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

test('there is a context inside the scope and none outside', () => {
  expect(getForwardContext()).toBeUndefined();
  expect(withForwardContext(context, () => getForwardContext())).toBe(context);
  expect(getForwardContext()).toBeUndefined();
});

test('scopes nest, and end when the function throws', () => {
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
  expect(call).toThrow(/synchronous scope.*\{forwardContext\}/);
  expect(getForwardContext()).toBeUndefined();
});

test('one plan serves every layer, a record serves by name', () => {
  expect(layerContext(context, 'a')).toEqual({ plan, cache });
  expect(layerContext({ ...context, attnMetadata: { a: plan } }, 'a')).toEqual({ plan, cache });
});

test('what is missing is named, with the names that are there', () => {
  expect(() => layerContext(context, 'b')).toThrow(MissingMetadataError);
  expect(() => layerContext(context, 'b')).toThrow(/'b'.*no kvCaches entry.*it has a\)/);
  const named: ForwardContext = { ...context, attnMetadata: {} };
  expect(() => layerContext(named, 'a')).toThrow(/'a'.*no attnMetadata entry.*it has none\)/);
});

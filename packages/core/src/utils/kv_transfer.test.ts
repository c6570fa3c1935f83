import '@tensorflow/tfjs-backend-cpu';
import { afterEach, expect, test } from '@jest/globals';
import { MissingMetadataError } from '../errors.js';
import { withForwardContext, type ForwardContext } from '../forward_context.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { FullAttentionSpec } from '../kv_cache/spec.js';
import type { KvConnector } from '../kv_transfer/connector.js';
import {
  getKvTransferGroup,
  hasKvTransferGroup,
  setKvTransferGroup,
} from '../kv_transfer/group.js';
import {
  maybeSaveKvLayerToConnector,
  waitForKvLayerFromConnector,
} from '../layers/unified_attention.js';
import { maybeTransferKvLayer } from './kv_transfer.js';
import { planAttention } from './plan_attention.js';

const plan = planAttention({
  queryStartLoc: Int32Array.of(0, 1),
  seqLens: Int32Array.of(1),
  blockTables: [[0]],
});
const cache = new KvCache(new FullAttentionSpec({ blockSize: 1, numKvHeads: 1, headSize: 1 }), {
  numBlocks: 1,
});
const context: ForwardContext = { attnMetadata: { a: plan }, kvCaches: { a: cache } };

/** A connector that notes its calls. */
function noting(busy = true) {
  const calls: unknown[] = [];
  const connector = {
    hasConnectorMetadata: () => busy,
    waitForLayerLoad: (name: string) => calls.push(['wait', name]),
    saveKvLayer: (...args: unknown[]) => calls.push(['save', ...args]),
  } as unknown as KvConnector;
  const attend = maybeTransferKvLayer(
    (x: number, name: string) => {
      calls.push(['run', name]);
      return x + 1;
    },
    (_, name) => name,
  );
  return { calls, connector, attend };
}

afterEach(() => setKvTransferGroup(null));

test('wait, run, save', () => {
  const { calls, connector, attend } = noting();
  setKvTransferGroup(connector);
  expect(withForwardContext(context, () => attend(1, 'a'))).toBe(2);
  expect(calls).toEqual([['wait', 'a'], ['run', 'a'], ['save', 'a', cache, plan]]); // prettier-ignore
});

test.each([
  ['no connector', context, false, true],
  ['a connector without work', context, true, false],
  ['no context', undefined, true, true],
  ['a profiling run', { ...context, attnMetadata: null }, true, true],
  ['a context that wants none', { ...context, kvConnector: null }, true, true],
] as const)('%s: a plain call', (_, given, set, busy) => {
  const { calls, connector, attend } = noting(busy);
  if (set) setKvTransferGroup(connector);
  const call = () => attend(1, 'a');
  expect(given ? withForwardContext(given, call) : call()).toBe(2);
  expect(calls).toEqual([['run', 'a']]);
});

test("a context's own connector comes before the process's", () => {
  const [ours, theirs] = [noting(), noting()];
  setKvTransferGroup(theirs.connector);
  withForwardContext({ ...context, kvConnector: ours.connector }, () => ours.attend(1, 'a'));
  expect(ours.calls).toHaveLength(3);
  expect(theirs.calls).toEqual([]);
});

test('the two halves by themselves', () => {
  const { calls, connector } = noting();
  setKvTransferGroup(connector);
  waitForKvLayerFromConnector('a');
  maybeSaveKvLayerToConnector('a', cache);
  expect(calls).toEqual([]);
  withForwardContext(context, () => {
    waitForKvLayerFromConnector('a');
    maybeSaveKvLayerToConnector('a', cache);
  });
  expect(calls).toEqual([['wait', 'a'], ['save', 'a', cache, plan]]); // prettier-ignore
});

test('the group', () => {
  expect(hasKvTransferGroup()).toBe(false);
  expect(() => getKvTransferGroup()).toThrow(MissingMetadataError);
  const { connector } = noting();
  setKvTransferGroup(connector);
  expect(getKvTransferGroup()).toBe(connector);
});

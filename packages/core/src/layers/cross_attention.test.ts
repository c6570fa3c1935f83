import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { withForwardContext } from '../forward_context.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { CrossAttentionSpec } from '../kv_cache/spec.js';
import {
  CommonAttentionMetadata,
  type CommonAttentionMetadataOptions,
} from '../metadata/common_attention_metadata.js';
import { CrossAttention } from './cross_attention.js';
import { getCrossSlotMapping } from './cross_slot_mapping.js';
import {
  ARGS,
  build,
  byDefinition,
  expectSame,
  random,
  step,
  tokens,
  vllmConfig,
} from './fixtures.js';

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

const TABLE = Int32Array.of(6, 2, 0, 5, 1, 3);

/** Requests of 3 and 5 encoder tokens in blocks 6, 2 and 5, 1, 3; their decoders have the given lengths. */
function common(
  queryLens: [number, number],
  seqLens: [number, number],
  changes: Partial<CommonAttentionMetadataOptions> = {},
) {
  const [a, b] = queryLens;
  return new CommonAttentionMetadata({
    queryStartLoc: Int32Array.of(0, a, a + b),
    seqLens: Int32Array.from(seqLens),
    blockTable: TABLE,
    slotMapping: new Int32Array(a + b),
    encoderSeqLens: Int32Array.of(3, 5),
    ...changes,
  });
}

function world() {
  const layer = new CrossAttention({ ...ARGS, name: 'cross' });
  const cache = new KvCache(layer.getKvCacheSpec(vllmConfig()), { numBlocks: 7 });
  const run = (batch: CommonAttentionMetadata, inputs: tf.Tensor[]) =>
    withForwardContext({ attnMetadata: build(layer, batch), kvCaches: { cross: cache } }, () =>
      layer.apply(inputs),
    );
  return { layer, cache, run };
}

test('slots follow the blocks of each request, those without tokens have none', () => {
  const slots = (...lengths: number[]) =>
    Array.from(getCrossSlotMapping(Int32Array.from(lengths), TABLE, 3, 2));
  expect(slots(3, 5)).toEqual([12, 13, 4, 10, 11, 2, 3, 6]);
  expect(slots(0, 1)).toEqual([10]);
  expect(slots(0, 0)).toEqual([]);
  expect(() => slots(7, 0)).toThrow(/request 0 has 7 encoder tokens, its 3 blocks hold 6/);
});

test('each request attends to its own encoder length, in the first step and later', () => {
  const { run } = world();
  const [, key, value] = tokens(8);
  const ownEncoder = (first: number) => (i: number, j: number) => i < first === j < 3;
  const prompt = random([3, 4, 3], 21);
  const first = run(common([2, 1], [2, 1]), [prompt, key, value]);
  expectSame(first, byDefinition(prompt, key, value, ownEncoder(2)));

  const next = random([2, 4, 3], 22);
  const expected = byDefinition(next, key, value, ownEncoder(1));
  expectSame(run(common([1, 1], [3, 2]), [next]), expected);
  const ignored = tokens(8, 40).slice(1);
  expectSame(run(common([1, 1], [4, 3]), [next, ...ignored]), expected);
});

test('a request may join while another decodes: only its keys are given', () => {
  const { run } = world();
  const [, key, value] = tokens(8);
  const [early, late] = [0, 3].map((at) =>
    [key, value].map((x) => tf.slice(x, [at], [at ? 5 : 3])),
  );
  const alone = common([2, 0], [2, 0], { encoderSeqLens: Int32Array.of(3, 0) });
  run(alone, [random([2, 4, 3], 21), ...early]);
  const query = random([3, 4, 3], 23);
  const joined = run(common([1, 2], [3, 2]), [query, ...late]);
  expectSame(
    joined,
    byDefinition(query, key, value, (i, j) => i < 1 === j < 3),
  );
});

test('keys that are not as many as the metadata say are refused, and nothing is written', () => {
  const { run, cache } = world();
  const [, key, value] = tokens(7);
  const query = random([3, 4, 3], 21);
  expect(() => run(common([2, 1], [2, 1]), [query, key, value])).toThrow(
    /7 encoder tokens are given, but requests in their first step have 8/,
  );
  expect(() => run(common([2, 1], [2, 1], { encoderSeqLens: undefined }), [query])).toThrow(
    /no encoderSeqLens/,
  );
  expect(cache.toTensors().key.dataSync().every((x) => x === 0)).toBe(true);
}); // prettier-ignore

test('dense: both ways over keys of any length, in a model that is saved and loaded', async () => {
  const layer = new CrossAttention(ARGS);
  const [q] = tokens(2);
  const [, key, value] = tokens(8);
  const inputs = [[2, 4, 3], [8, 2, 3], [8, 2, 5]].map((shape) => tfl.input({ shape })); // prettier-ignore
  const model = tfl.model({ inputs, outputs: layer.apply(inputs) as tfl.SymbolicTensor });
  const batched = [q, key, value].map((x) => tf.expandDims(x, 0));
  const expected = byDefinition(q, key, value, () => true);
  expectSame(model.predict(batched), tf.expandDims(expected, 0));
  const modelTopology = JSON.parse(JSON.stringify(model.toJSON(null, false))) as object;
  const loaded = await tfl.loadLayersModel({ load: () => Promise.resolve({ modelTopology }) });
  expect(loaded.getLayer(layer.name)).toBeInstanceOf(CrossAttention);
  expectSame(loaded.predict(batched), tf.expandDims(expected, 0));
});

test('its spec, its errors', () => {
  const { layer } = world();
  expect(layer.getKvCacheSpec(vllmConfig())).toBeInstanceOf(CrossAttentionSpec);
  expect(() => new CrossAttention({ ...ARGS, attnType: 'decoder' })).toThrow(/'encoder_decoder'/);
  expect(() => layer.apply(tokens(2)[0])).toThrow(/no cache to read/);
});

test('a layer that reads the keys of another writes none', () => {
  const config = vllmConfig();
  const names = { own: 'layers.0.x', reader: 'layers.1.x' };
  const layer = new CrossAttention({ ...ARGS, name: names.own });
  const reader = new CrossAttention({ ...ARGS, name: names.reader, kvSharingTargetLayerName: names.own }); // prettier-ignore
  const cache = new KvCache(layer.getKvCacheSpec(config), { numBlocks: 5 });
  const [q] = tokens(2);
  const [, key, value] = tokens(3, 9);
  const changes = { encoderSeqLens: Int32Array.of(3) };
  const run = (each: CrossAttention, all: tf.Tensor[]) => {
    const attnMetadata = build(each, step(0, 2, [1, 2], 2, changes), config);
    const context = { attnMetadata, kvCaches: { [names.own]: cache } };
    return withForwardContext(context, () => each.apply(all));
  };
  const expected = byDefinition(q, key, value, () => true);
  expectSame(run(layer, [q, key, value]), expected);
  expectSame(run(reader, [q, ...tokens(3, 19).slice(1)]), expected);
});

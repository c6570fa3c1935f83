import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { InvalidArgumentError, MissingMetadataError } from '../errors.js';
import { withForwardContext } from '../forward_context.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { FullAttentionSpec } from '../kv_cache/spec.js';
import { flashAttention } from '../ops/flash_attention.js';
import { planAttention } from '../utils/plan_attention.js';
import { Attention } from './attention.js';

const ARGS = { numHeads: 4, headSize: 3, numKvHeads: 2, valueHeadSize: 5 };
const random = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

/** q, k, v of B = 2, S = 4 with heads apart. */
const apart = () => [random([2, 4, 4, 3], 1), random([2, 4, 2, 3], 2), random([2, 4, 2, 5], 3)];
const flat = () => apart().map((x) => tf.reshape(x, [2, 4, -1]));

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
});
beforeEach(() => tf.engine().startScope());
afterEach(() => tf.engine().endScope());

function expectSame(actual: unknown, expected: tf.Tensor): void {
  const tensor = actual as tf.Tensor;
  expect(tensor.shape).toEqual(expected.shape);
  const distance = tf.max(tf.abs(tf.sub(tensor, expected))).dataSync()[0];
  expect(distance).toBeLessThan(1e-6);
}

describe('dense', () => {
  const dense = (options = {}) => {
    const [q, k, v] = apart();
    return flashAttention(q, k, v, { causal: true, ...options });
  };

  test('the output has the form of q, heads apart or side by side', () => {
    const layer = new Attention(ARGS);
    expectSame(layer.apply(apart()), dense());
    expectSame(layer.apply(flat()), tf.reshape(dense(), [2, 4, 20]));
    const [q] = apart();
    const [, k, v] = flat();
    expectSame(layer.apply([q, k, v]), dense());
  });

  test('a packed input is q, k, v side by side', () => {
    const packed = tf.concat(flat(), -1);
    expectSame(new Attention(ARGS).apply(packed), tf.reshape(dense(), [2, 4, 20]));
  });

  test('one sequence needs no batch axis', () => {
    const one = flat().map((x) => tf.squeeze(tf.slice(x, [1], [1]), [0]));
    const expected = tf.squeeze(tf.slice(tf.reshape(dense(), [2, 4, 20]), [1], [1]), [0]);
    expectSame(new Attention(ARGS).apply(one), expected);
  });

  test('decoders are causal, encoders are not', () => {
    const encoder = new Attention({ ...ARGS, attnType: 'encoder' });
    expectSame(encoder.apply(apart()), dense({ causal: false }));
  });

  test('every option reaches the op', () => {
    const options = {
      logitsSoftCap: 1.5,
      slidingWindow: 2,
      sinks: [0, 1, 2, 3],
      alibiSlopes: [1, 0.5, 0.25, 0.125],
    };
    const layer = new Attention({ ...ARGS, ...options, scale: 0.3 });
    expectSame(layer.apply(apart()), dense({ ...options, softmaxScale: 0.3 }));
  });

  test('an explicit backend is asked for', () => {
    const layer = new Attention({ ...ARGS, attnBackend: 'FUSED' });
    expect(() => layer.apply(apart())).toThrow(/FUSED: no attention package/);
  });
});

describe('in models', () => {
  /** Serialised, read back, and compared on the same input. */
  async function expectSurvives(model: tfl.LayersModel, input: tf.Tensor | tf.Tensor[]) {
    const before = model.predict(input) as tf.Tensor;
    const json = JSON.parse(JSON.stringify(model.toJSON(null, false))) as object;
    const artifacts = { modelTopology: json };
    const loaded = await tfl.loadLayersModel({ load: () => Promise.resolve(artifacts) });
    expectSame(loaded.predict(input), before);
    return loaded;
  }

  test('tf.model with q, k, v', async () => {
    const [q, k, v] = flat();
    const inputs = [12, 6, 10].map((width) => tfl.input({ shape: [null, width] }));
    const layer = new Attention({
      ...ARGS,
      name: 'layers.0.attn',
      slidingWindow: 3,
      sinks: [1, 2, 3, 4],
      attnType: 'encoder_decoder',
      attnBackend: 'COMPOSED',
    });
    const output = layer.apply(inputs) as tfl.SymbolicTensor;
    expect(output.shape).toEqual([null, null, 20]);
    const loaded = await expectSurvives(tfl.model({ inputs, outputs: output }), [q, k, v]);
    expect(loaded.getLayer('layers.0.attn')).toBeInstanceOf(Attention);
    expect((loaded.getLayer('layers.0.attn') as Attention).config).toEqual(layer.config);
  });

  test('tf.model with heads apart', async () => {
    const shapes = [[4, 4, 3], [4, 2, 3], [4, 2, 5]]; // prettier-ignore
    const inputs = shapes.map((shape) => tfl.input({ shape }));
    const output = new Attention(ARGS).apply(inputs) as tfl.SymbolicTensor;
    expect(output.shape).toEqual([null, 4, 4, 5]);
    await expectSurvives(tfl.model({ inputs, outputs: output }), apart());
  });

  test('tf.sequential with a packed input', async () => {
    const model = tfl.sequential();
    model.add(new Attention({ ...ARGS, inputShape: [4, 28], attnType: 'encoder_only' }));
    expect(model.outputShape).toEqual([null, 4, 20]);
    await expectSurvives(model, tf.concat(flat(), -1));
  });

  test('the config holds every argument under its own name', () => {
    const layer = new Attention({ ...ARGS, name: 'attn', logitsSoftCap: 30, sinks: [0, 0, 0, 1] });
    const config = layer.getConfig();
    expect(config).toMatchObject({ ...ARGS, name: 'attn', logitsSoftCap: 30, sinks: [0, 0, 0, 1] });
    expect(new Attention(config as never).getConfig()).toEqual(config);
    expect(Attention.className).toBe('tfjs_attention>Attention');
  });
});

describe('over a cache', () => {
  const spec = new FullAttentionSpec({ ...ARGS, blockSize: 2 });
  const plan = (from: number, to: number) =>
    planAttention({
      queryStartLoc: Int32Array.of(0, to - from),
      seqLens: Int32Array.of(to),
      blockTables: [[2, 0]],
      slotMapping: Int32Array.from({ length: to - from }, (_, i) => [4, 5, 0, 1][from + i]),
    });
  /** Tokens [from, to) of the first sequence, packed. */
  const tokens = (from: number, to: number) =>
    flat().map((x) => tf.squeeze(tf.slice(x, [0, from], [1, to - from]), [0]));

  test('a prompt and two steps give what the whole sequence gives', () => {
    const layer = new Attention({ ...ARGS, name: 'attn' });
    const cache = new KvCache(spec, { numBlocks: 3 });
    const parts = [[0, 2], [2, 3], [3, 4]].map(([from, to]) =>
      withForwardContext({ attnMetadata: plan(from, to), kvCaches: { attn: cache } }, () =>
        layer.apply(tokens(from, to)),
      ),
    ) as tf.Tensor[]; // prettier-ignore
    const expected = layer.apply(tokens(0, 4)) as tf.Tensor;
    expectSame(tf.concat(parts, 0), expected);
    cache.dispose();
  });

  test('a context may be handed over instead', () => {
    const layer = new Attention({ ...ARGS, name: 'attn' });
    const cache = new KvCache(spec, { numBlocks: 3 });
    const forwardContext = { attnMetadata: plan(0, 4), kvCaches: { attn: cache } };
    expectSame(layer.apply(tokens(0, 4), { forwardContext }), layer.apply(tokens(0, 4)) as tf.Tensor);
    expect(cache.toTensors().key.dataSync().some((x) => x !== 0)).toBe(true);
    cache.dispose();
  }); // prettier-ignore

  test('[B, S, ...] tokens are packed in order and come back as they were', () => {
    const layer = new Attention({ ...ARGS, name: 'attn' });
    const cache = new KvCache(spec, { numBlocks: 4 });
    const attnMetadata = planAttention({
      queryStartLoc: Int32Array.of(0, 4, 8),
      seqLens: Int32Array.of(4, 4),
      blockTables: [[3, 1], [0, 2]],
      slotMapping: Int32Array.of(6, 7, 2, 3, 0, 1, 4, 5),
    }); // prettier-ignore
    const cached = withForwardContext({ attnMetadata, kvCaches: { attn: cache } }, () =>
      layer.apply(apart()),
    );
    expectSame(cached, layer.apply(apart()) as tf.Tensor);
    cache.dispose();
  });

  test('a layer that the context does not know throws', () => {
    const layer = new Attention({ ...ARGS, name: 'stranger' });
    const call = () =>
      withForwardContext({ attnMetadata: plan(0, 4), kvCaches: {} }, () =>
        layer.apply(tokens(0, 4)),
      );
    expect(call).toThrow(MissingMetadataError);
    expect(call).toThrow(/'stranger'/);
  });
});

describe('bad arguments', () => {
  test.each([
    [{ numHeads: 3 }, /numHeads 3 .*numKvHeads 2/],
    [{ numHeads: 0 }, /numHeads .*got 0/],
    [{ headSize: 1.5 }, /headSize .*got 1\.5/],
    [{ scale: NaN }, /scale .*NaN/],
    [{ logitsSoftCap: -1 }, /logitsSoftCap .*-1/],
    [{ slidingWindow: 0 }, /slidingWindow .*got 0/],
    [{ sinks: [1] }, /sinks must have 4 entries/],
    [{ alibiSlopes: [1, 2, 3, 4, 5] }, /alibiSlopes must have 4 entries .*5/],
    [{ attnType: 'prefix' as never }, /attnType 'prefix'/],
    [{ attnBackend: 'FAST' as never }, /'FAST'/],
  ])('%j', (change, message) => {
    expect(() => new Attention({ ...ARGS, ...change })).toThrow(InvalidArgumentError);
    expect(() => new Attention({ ...ARGS, ...change })).toThrow(message);
  });

  test('inputs that do not fit are named', () => {
    const layer = new Attention({ ...ARGS, name: 'attn' });
    const [q, k, v] = flat();
    expect(() => layer.apply([q, v, v])).toThrow(/Attention 'attn': k \[2, 4, 10\]/);
    expect(() => layer.apply([q, k])).toThrow(/got 2 tensors/);
    expect(() => layer.apply(q)).toThrow(/packed input \[2, 4, 12\].*28/);
  });
});

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers'; // brings the gradients
import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { InvalidArgumentError, UnsupportedError } from './errors.js';
import { flashAttention } from './ops/flash_attention.js';
import type { AttentionSpec } from './problem/spec.js';
import { announceProvider, retractProvider } from './registry.js';
import {
  explainAttnBackend,
  getAttnBackend,
  getGlobalForcedAttnBackend,
  globalForceAttnBackend,
  withForcedAttnBackend,
} from './selector.js';

const FLAG = 'TFJS_ATTENTION_BACKEND';
const asked: AttentionSpec[] = [];

/** Kernels of tfjs 'cpu' that take what `reject` leaves. */
function announce(reject: (spec: AttentionSpec) => string[] = () => []): void {
  announceProvider({
    tfBackend: 'cpu',
    packageName: 'fake',
    describe: () => 'fake kernels',
    rejects: (spec) => {
      asked.push(spec);
      return reject(spec);
    },
    rejectsCache: () => [],
    createKvStorage: () => {
      throw new Error('a fake has no storage');
    },
    ready: () => Promise.reject(new Error('selecting brings nothing up')),
  });
}

beforeAll(async () => {
  await tf.setBackend('cpu');
  tf.env().set('IS_TEST', true);
  getAttnBackend(8); // registers the flag
});
afterEach(() => {
  tf.env().set('IS_TEST', true);
  tf.env().set(FLAG, '');
  globalForceAttnBackend(null);
  retractProvider('cpu');
  asked.length = 0;
});

describe('automatic choice', () => {
  test('without kernels takes composed ops and says which package would help', () => {
    const { backend, rejected } = explainAttnBackend(64);
    expect(backend.getName()).toBe('COMPOSED');
    expect(rejected).toHaveLength(1);
    expect(rejected[0].name).toBe('FUSED');
    expect(rejected[0].reasons[0]).toMatch(/tfjs backend 'cpu'.*import/);
  });

  test('takes the kernels as soon as they are announced, and not after they are gone', () => {
    expect(getAttnBackend(64).getName()).toBe('COMPOSED');
    announce();
    expect(getAttnBackend(64).getName()).toBe('FUSED');
    retractProvider('cpu');
    expect(getAttnBackend(64).getName()).toBe('COMPOSED');
  });

  test('hands on the reasons of the kernels', () => {
    announce(({ headSize }) => (headSize > 256 ? [`head size ${headSize} is above 256`] : []));
    expect(explainAttnBackend(128).rejected).toEqual([]);
    expect(explainAttnBackend(512).rejected).toEqual([
      { name: 'FUSED', reasons: ['head size 512 is above 256'] },
    ]);
  });

  test('is remembered', () => {
    announce();
    const first = explainAttnBackend({ headSize: 64, blockSize: 16 });
    const calls = asked.length;
    expect(explainAttnBackend(64, 'float32', 'auto', 16)).toBe(first);
    expect(asked).toHaveLength(calls);
    explainAttnBackend({ headSize: 64, blockSize: 32 });
    expect(asked).toHaveLength(calls + 1);
  });

  test('says once that it fell back', () => {
    tf.env().set('IS_TEST', false);
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    announce(() => ['the moon is full']);
    getAttnBackend(31);
    getAttnBackend(33);
    expect(warn.mock.calls).toHaveLength(1);
    expect(String(warn.mock.calls[0][0])).toMatch(
      /COMPOSED.*'cpu'.*FUSED cannot: the moon is full/,
    );
    warn.mockRestore();
  });

  test('avoids kernels under a gradient tape', () => {
    announce();
    let inside = '';
    tf.grad((x) => {
      inside = getAttnBackend(64).getName();
      return tf.sum(x);
    })(tf.scalar(1));
    expect(inside).toBe('COMPOSED');
    expect(getAttnBackend(64).getName()).toBe('FUSED');
  });
});

describe('an explicit request', () => {
  const x = tf.tensor4d(new Float32Array(4), [1, 1, 1, 4]);

  test('that cannot be met throws with the reasons', () => {
    const call = () => flashAttention(x, x, x, { implementation: 'FUSED' });
    expect(call).toThrow(UnsupportedError);
    expect(call).toThrow(/flashAttention.*h4.*FUSED: no attention package/);
  });

  test('beats what would be chosen', () => {
    announce();
    expect(flashAttention(x, x, x, { implementation: 'COMPOSED' }).shape).toEqual([1, 1, 1, 4]);
  });

  test('by force holds everywhere until it is taken back', () => {
    announce();
    globalForceAttnBackend('COMPOSED');
    expect(getGlobalForcedAttnBackend()).toBe('COMPOSED');
    expect(explainAttnBackend(64)).toMatchObject({ rejected: [] });
    expect(getAttnBackend(64).getName()).toBe('COMPOSED');
    globalForceAttnBackend(null);
    expect(getAttnBackend(64).getName()).toBe('FUSED');
  });

  test('by scope ends with the scope, even if that throws', () => {
    announce();
    globalForceAttnBackend('FUSED');
    const inside = withForcedAttnBackend('COMPOSED', () => getAttnBackend(64).getName());
    expect(inside).toBe('COMPOSED');
    const broken = () =>
      withForcedAttnBackend('COMPOSED', () => {
        throw new Error('inside');
      });
    expect(broken).toThrow('inside');
    expect(getGlobalForcedAttnBackend()).toBe('FUSED');
  });

  test('by flag holds, and yields to a force', () => {
    announce();
    tf.env().set(FLAG, 'COMPOSED');
    expect(getAttnBackend(64).getName()).toBe('COMPOSED');
    globalForceAttnBackend('FUSED');
    expect(getAttnBackend(64).getName()).toBe('FUSED');
  });

  test('by a flag that cannot be met throws as well', () => {
    tf.env().set(FLAG, 'FUSED');
    expect(() => getAttnBackend(64)).toThrow(UnsupportedError);
  });

  test('for a name that nobody has lists the names', () => {
    expect(() => globalForceAttnBackend('FLASH_ATTN' as never)).toThrow(InvalidArgumentError);
    tf.env().set(FLAG, 'XFORMERS');
    expect(() => getAttnBackend(64)).toThrow(/'XFORMERS'.*FUSED, COMPOSED/);
  });
});

describe('the arguments of vLLM', () => {
  test('become a spec', () => {
    announce();
    getAttnBackend(576, 'bfloat16', 'fp8', 16, true, true);
    expect(asked[asked.length - 1]).toMatchObject({
      headSize: 576,
      valueHeadSize: 512,
      precision: 'bfloat16',
      kvDtype: 'fp8_e4m3',
      kv: { kind: 'paged', blockSize: 16 },
      features: ['sinks'],
    });
  });

  test.each([
    [{ headSize: 0 }, /headSize must be .* got 0/],
    [{ headSize: 1.5 }, /headSize must be .* got 1\.5/],
    [{ headSize: 64, kvCacheDtype: 'int3' as never }, /'int3'/],
    [{ headSize: 64, useSparse: true }, /sparse/],
  ])('%j is refused', (config, message) => {
    expect(() => getAttnBackend(config)).toThrow(message);
  });
});

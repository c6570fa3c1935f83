import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers'; // brings the gradients
import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  AttentionBackendEnum,
  backendNameToEnum,
  backendToClass,
  backendToClassStr,
  clearOverride,
  FlashAttentionBackend,
  isOverridden,
  registerAttnBackend,
  registerBackend,
  STRATEGIES,
} from './backends/index.js';
import { InvalidArgumentError, UnsupportedError } from './errors.js';
import { flashAttention } from './ops/flash_attention.js';
import type { AttentionSpec } from './problem/spec.js';
import { announceProvider, retractProvider } from './registry.js';
import {
  explainAttnBackend,
  getAttnBackend,
  getEnvVariableAttnBackend,
  getGlobalForcedAttnBackend,
  globalForceAttnBackend,
  globalForceAttnBackendContextManager,
  isAttnBackendSupported,
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
  delete process.env[FLAG];
  retractProvider('cpu');
  asked.length = 0;
});

describe('automatic choice', () => {
  test('without kernels takes stock ops and says which package would help', () => {
    const { backend, kernels, rejected } = explainAttnBackend(64);
    expect(backend.getName()).toBe('TORCH_SDPA');
    expect(kernels).toBe('COMPOSED');
    expect(rejected.map(({ name }) => name)).toEqual(['FLASH_ATTN', 'TRITON_ATTN', 'FUSED']);
    expect(rejected[0].reasons).toEqual(['no fused kernels serve it here (see FUSED)']);
    expect(rejected[2].reasons[0]).toMatch(/tfjs backend 'cpu'.*import/);
  });

  test('takes the kernels as soon as they are announced, and not after they are gone', () => {
    expect(getAttnBackend(64).getName()).toBe('TORCH_SDPA');
    announce();
    expect(getAttnBackend(64).getName()).toBe('FLASH_ATTN');
    retractProvider('cpu');
    expect(getAttnBackend(64).getName()).toBe('TORCH_SDPA');
  });

  test.each([
    ['a head of 64', { headSize: 64 }, 'FLASH_ATTN'],
    ['a head of 40', { headSize: 40 }, 'TRITON_ATTN'],
    ['a head of 8', { headSize: 8 }, 'FUSED'],
    ['blocks of 8', { headSize: 64, blockSize: 8 }, 'FUSED'],
    ['sinks', { headSize: 64, hasSink: true }, 'TRITON_ATTN'],
    ['fp8', { headSize: 64, kvCacheDtype: 'fp8' }, 'TRITON_ATTN'],
    ['int8', { headSize: 64, kvCacheDtype: 'int8' }, 'FUSED'],
    ['encoders', { headSize: 64, attnType: 'encoder' }, 'FLASH_ATTN'],
    ['encoders with heads of 40', { headSize: 40, attnType: 'encoder_only' }, 'FUSED'],
    ['ranges of a prompt', { headSize: 64, useMmPrefix: true }, 'TRITON_ATTN'],
    ['a scale a head', { headSize: 64, usePerHeadQuantScales: true }, 'FUSED'],
    ['latents', { headSize: 576, useMla: true }, 'TRITON_MLA'],
    ['latents of 24', { headSize: 24, useMla: true }, 'FUSED'],
    ['chosen latents', { headSize: 576, useMla: true, useSparse: true }, 'FLASHMLA_SPARSE'],
  ] as const)('with kernels: %s', (_, config, name) => {
    announce();
    expect(getAttnBackend(config).getName()).toBe(name);
  });

  test.each([
    ['a head of 64', { headSize: 64 }, 'TORCH_SDPA'],
    ['a head of 40', { headSize: 40 }, 'COMPOSED'],
    ['sinks', { headSize: 64, hasSink: true }, 'COMPOSED'],
    ['KV sharing', { headSize: 64, useKvSharing: true }, 'COMPOSED'],
    ['latents', { headSize: 576, useMla: true }, 'COMPOSED'],
  ] as const)('without kernels: %s', (_, config, name) => {
    expect(getAttnBackend(config).getName()).toBe(name);
  });

  test('hands on the reasons of the kernels', () => {
    announce(({ headSize }) => (headSize > 256 ? [`head size ${headSize} is above 256`] : []));
    expect(explainAttnBackend(128).rejected).toEqual([]);
    const { backend, rejected } = explainAttnBackend(512);
    expect(backend.getName()).toBe('COMPOSED');
    expect(rejected).toContainEqual({ name: 'FUSED', reasons: ['head size 512 is above 256'] });
    expect(rejected[0]).toMatchObject({
      name: 'FLASH_ATTN',
      reasons: [expect.stringMatching(/^head_size not supported: 512/)],
    });
  });

  test('is remembered, however the defaults are written', () => {
    announce();
    const first = explainAttnBackend({ headSize: 64, blockSize: 16 });
    const calls = asked.length;
    expect(explainAttnBackend(64, 'float32', 'auto', 16, false)).toBe(first);
    expect(explainAttnBackend({ headSize: 64, blockSize: 16, attnType: null })).toBe(first);
    expect(asked).toHaveLength(calls);
    explainAttnBackend({ headSize: 64, blockSize: 32 });
    expect(asked).toHaveLength(calls + 1);
  });

  test('is not remembered for a bad argument that looks alike', () => {
    getAttnBackend({ headSize: 8 });
    expect(() => getAttnBackend({ headSize: 8, blockSize: 0 })).toThrow(/blockSize/);
    expect(() => getAttnBackend({ headSize: '8' as unknown as number })).toThrow(/headSize/);
    expect(() => getAttnBackend({ headSize: 8, attnType: 'both' as 'decoder' })).toThrow(
      /attnType 'both' is not one of decoder/,
    );
  });

  test('answers from its cache in under 5 microseconds', () => {
    announce();
    const config = { headSize: 64, blockSize: 16, attnType: 'decoder' } as const;
    // Batches shorter than a slice of a busy machine's time.
    const best = Math.min(
      ...Array.from({ length: 300 }, () => {
        const start = performance.now();
        for (let i = 0; i < 200; i++) getAttnBackend(config);
        return ((performance.now() - start) / 200) * 1000;
      }),
    );
    expect(best).toBeLessThan(5);
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
    expect(inside).toBe('TORCH_SDPA');
    expect(getAttnBackend(64).getName()).toBe('FLASH_ATTN');
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

  test('of an op names kernels, not a strategy', () => {
    const call = () => flashAttention(x, x, x, { implementation: 'FLASH_ATTN' as never });
    expect(call).toThrow(/'FLASH_ATTN' is not one of auto, FUSED, COMPOSED; it names a strategy/);
  });

  test('by force holds everywhere until it is taken back', () => {
    announce();
    globalForceAttnBackend('COMPOSED');
    expect(getGlobalForcedAttnBackend()).toBe('COMPOSED');
    expect(explainAttnBackend(64)).toMatchObject({ kernels: 'COMPOSED', rejected: [] });
    expect(getAttnBackend(64).getName()).toBe('COMPOSED');
    globalForceAttnBackend(null);
    expect(getAttnBackend(64).getName()).toBe('FLASH_ATTN');
  });

  test('by force reaches the ops: TORCH_SDPA leaves the kernels alone', () => {
    announce();
    globalForceAttnBackend('TORCH_SDPA');
    expect(flashAttention(x, x, x).shape).toEqual([1, 1, 1, 4]);
    globalForceAttnBackend('XFORMERS');
    expect(() => flashAttention(x, x, x)).toThrow(/TfjsAttnPrefill/);
  });

  test('for a strategy whose constraints a problem breaks throws with its reasons', () => {
    announce();
    globalForceAttnBackend('FLASHINFER');
    expect(() => getAttnBackend({ headSize: 96, blockSize: 8, useAlibi: true })).toThrow(
      /selected backend FLASHINFER.*FLASHINFER: head_size not supported.*block_size not supported.*ALiBi not supported/,
    );
    expect(getAttnBackend({ headSize: 64, blockSize: 16 }).getName()).toBe('FLASHINFER');
  });

  test('for a strategy of either kind of kernels is met by stock ops where there are no others', () => {
    const { backend, kernels, rejected } = withForcedAttnBackend('TREE_ATTN', () =>
      explainAttnBackend(64),
    );
    expect(backend.getName()).toBe('TREE_ATTN');
    expect(kernels).toBe('COMPOSED');
    expect(rejected).toMatchObject([{ name: 'FUSED' }]);
  });

  test('by scope ends with the scope, even if that throws', () => {
    announce();
    globalForceAttnBackend('FUSED');
    const inside = globalForceAttnBackendContextManager('COMPOSED', () =>
      getAttnBackend(64).getName(),
    );
    expect(inside).toBe('COMPOSED');
    const broken = () =>
      withForcedAttnBackend('COMPOSED', () => {
        throw new Error('inside');
      });
    expect(broken).toThrow('inside');
    expect(() => withForcedAttnBackend('COMPOSED', () => Promise.resolve())).toThrow(/promise/);
    expect(getGlobalForcedAttnBackend()).toBe('FUSED');
  });

  test('by flag holds, and yields to a force', () => {
    announce();
    tf.env().set(FLAG, 'COMPOSED');
    expect(getAttnBackend(64).getName()).toBe('COMPOSED');
    globalForceAttnBackend('FUSED');
    expect(getAttnBackend(64).getName()).toBe('FUSED');
  });

  test('by environment is seen when it changes, and yields to the flag', () => {
    announce();
    process.env[FLAG] = 'XFORMERS_VLLM_V1';
    expect(getEnvVariableAttnBackend()).toBe('XFORMERS');
    expect(getAttnBackend(64).getName()).toBe('XFORMERS');
    process.env[FLAG] = 'TRITON_ATTN';
    expect(getAttnBackend(64).getName()).toBe('TRITON_ATTN');
    tf.env().set(FLAG, 'auto');
    expect(getAttnBackend(64).getName()).toBe('FLASH_ATTN');
    tf.env().set(FLAG, '');
    delete process.env[FLAG];
    expect(getEnvVariableAttnBackend()).toBeNull();
    expect(getAttnBackend(64).getName()).toBe('FLASH_ATTN');
  });

  test('by a flag that cannot be met throws as well', () => {
    tf.env().set(FLAG, 'FUSED');
    expect(() => getAttnBackend(64)).toThrow(UnsupportedError);
  });

  test('for a name that nobody has lists the names', () => {
    expect(() => globalForceAttnBackend('FLASH' as never)).toThrow(InvalidArgumentError);
    tf.env().set(FLAG, 'PAPER');
    expect(() => getAttnBackend(64)).toThrow(/'PAPER'.*FUSED, COMPOSED, FLASH_ATTN.*CUSTOM/);
  });
});

describe('the registry', () => {
  class Mine extends FlashAttentionBackend {
    static override getName(): string {
      return 'CUSTOM';
    }

    static override getSupportedHeadSizes(): readonly number[] {
      return [7];
    }
  }

  afterEach(() => {
    clearOverride('CUSTOM');
    clearOverride('FLASH_ATTN');
  });

  test('takes one under CUSTOM, and gives it back', () => {
    expect(() => backendToClass('CUSTOM')).toThrow(/nothing is registered.*registerBackend/);
    expect(registerAttnBackend('CUSTOM')(Mine)).toBe(Mine);
    expect([isOverridden('CUSTOM'), isOverridden('FUSED')]).toEqual([true, false]);
    expect(backendToClassStr('CUSTOM')).toBe('@tfjs-attention/core/backends.Mine');
    expect(withForcedAttnBackend('CUSTOM', () => getAttnBackend(7))).toBe(Mine);
    clearOverride('CUSTOM');
    expect(() => withForcedAttnBackend('CUSTOM', () => getAttnBackend(7))).toThrow(
      UnsupportedError,
    );
  });

  test('takes one over a name of its own, seen at once', () => {
    announce();
    expect(getAttnBackend(7).getName()).toBe('FUSED');
    registerBackend('FLASH_ATTN', Mine);
    expect(getAttnBackend(7)).toBe(Mine);
    registerAttnBackend('FLASH_ATTN', FlashAttentionBackend)(Mine);
    expect(backendToClass('FLASH_ATTN')).toBe(FlashAttentionBackend);
    clearOverride('FLASH_ATTN');
    expect(getAttnBackend(7).getName()).toBe('FUSED');
  });

  test('lists its names where one is wrong, and takes strategies only', () => {
    expect(backendNameToEnum('FLASH_ATTN')).toBe('FLASH_ATTN');
    expect(backendNameToEnum('PAPER')).toBeNull();
    for (const call of [
      () => registerBackend('PAPER' as never, Mine),
      () => registerAttnBackend('PAPER' as never),
      () => backendToClass('PAPER' as never),
      () => isOverridden('PAPER' as never),
    ]) {
      expect(call).toThrow(/'PAPER' is no attention backend; valid names are FUSED.*CUSTOM/);
    }
    expect(() => registerBackend('CUSTOM', {} as never)).toThrow(/extends AttentionBackend/);
  });

  test('has a class for every name but CUSTOM, which answers to that name', () => {
    for (const name of Object.values(AttentionBackendEnum)) {
      if (name !== 'CUSTOM') expect(backendToClass(name).getName()).toBe(name);
    }
    const classes = new Set(Object.values(STRATEGIES).map((cls) => cls.fullClsName().join()));
    expect(classes.size).toBe(Object.keys(STRATEGIES).length);
  });
});

describe('isAttnBackendSupported', () => {
  test.each([
    ['FLASH_ATTN', 64, [true, true, true]],
    ['FLASH_ATTN', 80, [true, false, true]],
    ['TRITON_ATTN', 31, [true, false, true]],
    ['ROCM_ATTN', 64, [false, false, false]],
    ['CUSTOM', 64, [false, false, false]],
  ] as const)('%s with heads of %i', (name, headSize, [canImport, size, dtype]) => {
    const support = isAttnBackendSupported(name, headSize, 'float32');
    expect(support).toMatchObject({ canImport, headSize: size, dtype });
    expect(support.supported).toBe(canImport && size && dtype);
    expect(support.valueOf()).toBe(support.supported);
  });

  test('takes a class, and throws where it should', () => {
    expect(isAttnBackendSupported(FlashAttentionBackend, 64, 'float16').supported).toBe(true);
    expect(isAttnBackendSupported('FLASH_ATTN', 64, 'int8' as never).dtype).toBe(false);
    const strict = () =>
      isAttnBackendSupported('PALLAS', 64, 'float32', { allowImportError: false });
    expect(strict).toThrow(/needs a TPU/);
    expect(() => isAttnBackendSupported('PAPER', 64, 'float32')).toThrow(/valid names/);
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

import { afterEach, describe, expect, test } from '@jest/globals';
import { setKvCacheLayout } from '../../metadata/kv_cache_layout.js';
import { AttentionBackend } from '../abstract.js';
import { MultipleOf } from '../multiple_of.js';
import type { AttentionBackendEnum } from '../names.js';
import { backendToClass } from '../registry.js';
import type { AttnSelectorConfig } from '../selector_config.js';
import { FlashAttentionBackend } from './flash_attn.js';
import { FlashInferBackend } from './flashinfer.js';

afterEach(() => setKvCacheLayout(null));

const reasons = (name: AttentionBackendEnum, config: Partial<AttnSelectorConfig>) =>
  backendToClass(name).validateConfiguration({ headSize: 64, ...config });

/** What each strategy of vLLM's table takes and refuses, at the edges. */
const TABLE: Readonly<
  Partial<Record<AttentionBackendEnum, { takes: object[]; refuses: [object, RegExp][] }>>
> = {
  FLASH_ATTN: {
    takes: [
      ...[32, 64, 96, 128, 160, 192, 224, 256].map((headSize) => ({ headSize })),
      { blockSize: 16 },
      { blockSize: 48 },
      { kvCacheDtype: 'bfloat16' },
      ...['decoder', 'encoder', 'encoder_only', 'encoder_decoder'].map((attnType) => ({
        attnType,
      })),
      { hasSlidingWindow: true, useAlibi: true, useSoftCap: true, useKvSharing: true },
      { useNonCausal: true },
    ],
    refuses: [
      [{ headSize: 80 }, /^head_size not supported: 80, it takes 32, 64/],
      [{ blockSize: 8 }, /^block_size not supported: 8 is not a multiple of 16/],
      [{ kvCacheDtype: 'fp8' }, /^kv_cache_dtype not supported: fp8/],
      [{ hasSink: true }, /^attention sinks not supported/],
      [{ useMmPrefix: true }, /^partial multimodal token full attention not supported/],
    ],
  },
  TRITON_ATTN: {
    takes: [
      { headSize: 32 },
      { headSize: 33 },
      { headSize: 512 },
      { hasSink: true },
      { kvCacheDtype: 'fp8' },
      { kvCacheDtype: 'int8_per_token_head' },
      { useMmPrefix: true, useNonCausal: true },
    ],
    refuses: [
      [{ headSize: 31 }, /^head_size not supported: 31, it takes 32 and more/],
      [{ blockSize: 24 }, /^block_size/],
      [{ kvCacheDtype: 'fp8_e5m2' }, /^kv_cache_dtype/],
      [{ kvCacheDtype: 'int8' }, /^kv_cache_dtype/],
      [{ attnType: 'encoder_only' }, /^attention type encoder_only not supported/],
    ],
  },
  FLASHINFER: {
    takes: [
      ...[64, 128, 256].map((headSize) => ({ headSize })),
      ...[16, 32, 64].map((blockSize) => ({ blockSize })),
      { kvCacheDtype: 'fp8_e5m2', useSoftCap: true, hasSlidingWindow: true },
    ],
    refuses: [
      [{ headSize: 96 }, /^head_size/],
      [{ blockSize: 48 }, /^block_size not supported: 48 is not 16, 32, 64/],
      [{ useAlibi: true }, /^ALiBi not supported/],
      [{ hasSink: true }, /^attention sinks/],
      [{ attnType: 'encoder' }, /^attention type encoder/],
      [{ useNonCausal: true }, /^non-causal attention not supported/],
    ],
  },
  FLEX_ATTENTION: {
    takes: [
      { headSize: 1 },
      { headSize: 577 },
      { blockSize: 5 },
      { attnType: 'encoder_only' },
      { hasSlidingWindow: true, useMmPrefix: true },
    ],
    refuses: [
      [{ kvCacheDtype: 'int8' }, /^kv_cache_dtype/],
      [{ attnType: 'encoder_decoder' }, /^attention type encoder_decoder/],
      [{ useAlibi: true }, /^ALiBi/],
      [{ useSoftCap: true }, /^logits soft cap not supported/],
      [{ useKvSharing: true }, /^KV sharing not supported/],
      [{ hasSink: true }, /^attention sinks/],
    ],
  },
  TREE_ATTN: {
    takes: [{ headSize: 96 }, { useAlibi: true, useSoftCap: true, hasSlidingWindow: true }],
    refuses: [
      [{ headSize: 40 }, /^head_size/],
      [{ blockSize: 8 }, /^block_size/],
      [{ kvCacheDtype: 'fp8' }, /^kv_cache_dtype/],
      [{ hasSink: true }, /^attention sinks/],
      [{ attnType: 'encoder' }, /^attention type/],
    ],
  },
  TORCH_SDPA: {
    takes: [
      ...[32, 64, 80, 96, 112, 128, 192, 256].map((headSize) => ({ headSize })),
      { blockSize: 5 },
      { attnType: 'encoder_decoder' },
      { useAlibi: true, useSoftCap: true, hasSlidingWindow: true },
    ],
    refuses: [
      [{ headSize: 160 }, /^head_size/],
      [{ kvCacheDtype: 'fp8' }, /^kv_cache_dtype/],
      [{ hasSink: true }, /^attention sinks/],
      [{ useKvSharing: true }, /^KV sharing/],
    ],
  },
  XFORMERS: {
    takes: [{ headSize: 32 }, { headSize: 40 }, { headSize: 256 }, { useSoftCap: true }],
    refuses: [
      [{ headSize: 36 }, /^head_size not supported: 36, it takes 32 to 256 in steps of 8/],
      [{ headSize: 264 }, /^head_size/],
      [{ blockSize: 8 }, /^block_size/],
      [{ useAlibi: true }, /^ALiBi/],
      [{ useKvSharing: true }, /^KV sharing/],
      [{ attnType: 'encoder' }, /^attention type/],
    ],
  },
  FUSED: {
    takes: [{ headSize: 7, blockSize: 3, kvCacheDtype: 'int8', hasSink: true, useMla: true }],
    refuses: [
      [{ useSparse: true }, /^sparse not supported/],
      [{ useBatchInvariant: true }, /^batch invariance not supported/],
      [{ usePcp: true }, /^PCP not supported/],
      [{ dtype: 'int4' }, /^dtype not supported: int4/],
    ],
  },
};

describe.each(Object.entries(TABLE))('%s', (name, { takes, refuses }) => {
  const strategy = name as AttentionBackendEnum;

  test.each(takes)('takes %j', (config) => {
    expect(reasons(strategy, config)).toEqual([]);
  });

  test.each(refuses)('refuses %j', (config, reason) => {
    expect(reasons(strategy, config)).toEqual([expect.stringMatching(reason)]);
  });

  test('every dtype, float32 among them, and no batch of another kind', () => {
    for (const dtype of ['float32', 'float16', 'bfloat16'] as const) {
      expect(reasons(strategy, { dtype })).toEqual([]);
    }
    expect(reasons(strategy, { useSparse: true })).toEqual(['sparse not supported']);
    expect(backendToClass(strategy).getMetadataCls()).toBeInstanceOf(Function);
  });
});

test('reasons come in one order', () => {
  const config = { headSize: 7, kvCacheDtype: 'fp8', blockSize: 7, useMla: true, hasSink: true };
  const order = reasons('FLASHINFER', {
    ...(config as Partial<AttnSelectorConfig>),
    attnType: 'encoder',
    useKvSharing: true,
    useAlibi: true,
  }).map((reason) => reason.split(' not supported')[0]);
  expect(order).toEqual(['head_size', 'block_size', 'MLA', 'attention sinks', 'attention type encoder', 'ALiBi']); // prettier-ignore
});

test.each([
  ['ROCM_ATTN', {}, /AMD GPU/],
  ['ROCM_AITER_FA', {}, /AMD GPU/],
  ['ROCM_AITER_UNIFIED_ATTN', {}, /AMD GPU/],
  ['ROCM_AITER_MLA', { useMla: true }, /AMD GPU/],
  ['PALLAS', {}, /TPU/],
  ['IPEX', {}, /Intel extension/],
  ['NO_ATTENTION', {}, /without attention/],
] as const)('%s says which hardware it needs', (name, config, reason) => {
  const found = reasons(name, config);
  expect(found).toEqual([expect.stringMatching(/^compute capability not supported: /)]);
  expect(found[0]).toMatch(reason);
  expect(() => backendToClass(name).getImplCls()).toThrow(/abstract strategy/);
});

const LATENT = { useMla: true, headSize: 576, kvCacheDtype: 'auto' } as const;

test.each([
  ['TRITON_MLA', { blockSize: 5 }, [{ kvCacheDtype: 'fp8' }, /^kv_cache_dtype/]],
  ['FLASH_ATTN_MLA', { blockSize: 5 }, [{ kvCacheDtype: 'fp8' }, /^kv_cache_dtype/]],
  ['FLASHMLA', { blockSize: 64, kvCacheDtype: 'fp8' }, [{ blockSize: 32 }, /^block_size/]],
  ['CUTLASS_MLA', { blockSize: 128, kvCacheDtype: 'fp8' }, [{ blockSize: 64 }, /^block_size/]],
  ['FLASHINFER_MLA', { blockSize: 32, kvCacheDtype: 'fp8' }, [{ blockSize: 48 }, /^block_size/]],
  ['FLASHMLA_SPARSE', { blockSize: 64, useSparse: true }, [{ useSparse: false }, /^non-sparse/]],
] as const)('%s serves latents alone', (name, takes, [refused, reason]) => {
  const config = { ...LATENT, ...takes } as AttnSelectorConfig;
  expect(reasons(name, config)).toEqual([]);
  expect(reasons(name, { ...config, ...refused })).toEqual([expect.stringMatching(reason)]);
  expect(reasons(name, { ...config, useMla: false })[0]).toBe('non-MLA not supported');
  expect(reasons(name, { ...config, headSize: 128 })[0]).toMatch(/^head_size not supported: 128/);
  for (const asked of ['useAlibi', 'useSoftCap', 'hasSlidingWindow', 'useKvSharing'] as const) {
    expect(reasons(name, { ...config, [asked]: true })).toHaveLength(1);
  }
  expect(backendToClass(name).getKvCacheShape(9, 16, 1, 576)).toEqual([9, 16, 576]);
});

test.each([
  ['FLASH_ATTN', [2, 9, 16, 4, 64], [0, 1, 3, 2, 4], 1],
  ['TRITON_ATTN', [9, 2, 16, 4, 64], [0, 1, 2, 3, 4], 0],
  ['FLASHINFER', [9, 2, 16, 4, 64], [0, 1, 3, 2, 4], 0],
  ['FLEX_ATTENTION', [2, 9, 16, 4, 64], [0, 1, 2, 3, 4], 1],
  ['TREE_ATTN', [2, 9, 16, 4, 64], [0, 1, 2, 3, 4], 1],
  ['XFORMERS', [2, 9, 16, 4, 64], [0, 1, 2, 3, 4], 1],
  ['TORCH_SDPA', [2, 9, 16 * 4 * 64], [0, 1, 2], 1],
] as const)('%s addresses its cache as vLLM does', (name, shape, hnd, blockDim) => {
  const backend = backendToClass(name);
  expect(backend.getKvCacheShape(9, 16, 4, 64)).toEqual(shape);
  expect(backend.getKvCacheBlockDim(16, 4, 64)).toBe(blockDim);
  expect(backend.getKvCacheStrideOrder()).toEqual(shape.map((_, axis) => axis));
  setKvCacheLayout('HND');
  expect(backend.getKvCacheStrideOrder()).toEqual(hnd);
  expect(backend.getRequiredKvCacheLayout()).toBeNull();
  expect(backend.acceptOutputBuffer).toBe(name !== 'TORCH_SDPA');
});

test('the base has names for what it does not know', () => {
  expect(() => AttentionBackend.getName()).toThrow(/abstract strategy/);
  expect(FlashAttentionBackend.fullClsName()).toEqual([
    '@tfjs-attention/core/backends',
    'FlashAttentionBackend',
  ]);
  expect(() => FlashAttentionBackend.validateHeadSize(80)).toThrow(/80.*32, 64.*FLEX_ATTENTION/);
  expect(() => FlashAttentionBackend.validateConfiguration({ headSize: 0 })).toThrow(/headSize/);
  expect(FlashAttentionBackend.getPreferredBlockSize(8)).toBe(16);
  expect(FlashInferBackend.getPreferredBlockSize(128)).toBe(16);
  expect(FlashInferBackend.getPreferredBlockSize(32)).toBe(32);
  expect(() => new MultipleOf(0)).toThrow(/base/);
});

test('fp8 names', () => {
  expect(FlashAttentionBackend.getFp8DtypeForFlashattn('fp8')).toBe('fp8_e4m3');
  expect(() => FlashAttentionBackend.getFp8DtypeForFlashattn('fp8_e5m2')).toThrow(/fp8_e4m3/);
  expect(FlashInferBackend.getFp8DtypeForFlashinfer('fp8_e5m2')).toBe('fp8_e5m2');
  expect(() => FlashInferBackend.getFp8DtypeForFlashinfer('int8')).toThrow(/'int8'/);
});

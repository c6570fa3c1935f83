import type { AttentionBackend } from './abstract.js';

/**
 * Names of strategies (vLLM `AttentionBackendEnum`, before that `_Backend`): this library's FUSED and COMPOSED, vLLM's
 * own, and CUSTOM for one that an application registers.
 */
export const AttentionBackendEnum = {
  FUSED: 'FUSED',
  COMPOSED: 'COMPOSED',
  FLASH_ATTN: 'FLASH_ATTN',
  TRITON_ATTN: 'TRITON_ATTN',
  FLASHINFER: 'FLASHINFER',
  FLEX_ATTENTION: 'FLEX_ATTENTION',
  TREE_ATTN: 'TREE_ATTN',
  TORCH_SDPA: 'TORCH_SDPA',
  XFORMERS: 'XFORMERS',
  ROCM_ATTN: 'ROCM_ATTN',
  ROCM_AITER_FA: 'ROCM_AITER_FA',
  ROCM_AITER_UNIFIED_ATTN: 'ROCM_AITER_UNIFIED_ATTN',
  ROCM_AITER_MLA: 'ROCM_AITER_MLA',
  PALLAS: 'PALLAS',
  IPEX: 'IPEX',
  CUTLASS_MLA: 'CUTLASS_MLA',
  FLASHMLA: 'FLASHMLA',
  FLASHMLA_SPARSE: 'FLASHMLA_SPARSE',
  FLASHINFER_MLA: 'FLASHINFER_MLA',
  FLASH_ATTN_MLA: 'FLASH_ATTN_MLA',
  TRITON_MLA: 'TRITON_MLA',
  NO_ATTENTION: 'NO_ATTENTION',
  CUSTOM: 'CUSTOM',
} as const;
export type AttentionBackendEnum = keyof typeof AttentionBackendEnum;

/** Which kernels serve a strategy: 'auto' = fused ones where a loaded package takes the problem, else composed ops. */
export type KernelStrategy = 'auto' | 'FUSED' | 'COMPOSED';

/** Strategies that applications registered over ours, or as CUSTOM. */
const overrides = new Map<AttentionBackendEnum, typeof AttentionBackend>();
let changes = 0;

/** The class registered over a name, if any. */
export function overrideOf(name: AttentionBackendEnum): typeof AttentionBackend | undefined {
  return overrides.get(name);
}

/** Registers a class over a name, or takes it back (null). */
export function setOverride(name: AttentionBackendEnum, cls: typeof AttentionBackend | null): void {
  if (cls === null) overrides.delete(name);
  else overrides.set(name, cls);
  changes++;
}

/** Grows with every override, so that cached selections can be dropped. */
export function overrideGeneration(): number {
  return changes;
}

/** Kernels of a strategy, without loading its class. */
export function kernelStrategyOf(name: AttentionBackendEnum): KernelStrategy {
  const override = overrides.get(name);
  return override === undefined ? ownKernelStrategy(name) : override.getKernelStrategy();
}

/** Kernels of one of this library's own strategies. */
export function ownKernelStrategy(name: string): KernelStrategy {
  switch (name) {
    case 'FUSED':
      return 'FUSED';
    case 'COMPOSED':
    case 'TORCH_SDPA':
      return 'COMPOSED';
    default:
      return 'auto';
  }
}

export function isBackendName(name: unknown): name is AttentionBackendEnum {
  return typeof name === 'string' && Object.hasOwn(AttentionBackendEnum, name);
}

/** For messages. */
export function backendNamesText(): string {
  return Object.keys(AttentionBackendEnum).join(', ');
}

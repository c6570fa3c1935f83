import type { AttentionBackendEnum } from '../backends/names.js';

/** Strategies to try, the best first. */
interface Priority {
  softmax: readonly AttentionBackendEnum[];
  mla: readonly AttentionBackendEnum[];
}

/** TRITON_MLA first: the others attend to latents up to 512 tokens a request, which costs more than to expand them. */
const LATENT: readonly AttentionBackendEnum[] = [
  'TRITON_MLA',
  'FLASHMLA',
  'FLASHINFER_MLA',
  'FLASH_ATTN_MLA',
  'CUTLASS_MLA',
  'FLASHMLA_SPARSE',
  'FUSED',
  'COMPOSED',
];

/** vLLM's order for a GPU, closed by what serves the rest: kernels without its constraints, then stock ops. */
const KERNELS_FIRST: Priority = {
  softmax: ['FLASH_ATTN', 'TRITON_ATTN', 'FUSED', 'TORCH_SDPA', 'COMPOSED'],
  mla: LATENT,
};

/**
 * By tfjs backend. FLASHINFER, FLEX_ATTENTION, TREE_ATTN and XFORMERS are chosen by name alone: they ask more of layers
 * and batches than a selector can see. A strategy of 'auto' kernels is passed over where no fused kernels serve it, so that
 * TORCH_SDPA and COMPOSED name what then runs.
 */
const PRIORITIES: Readonly<Record<string, Priority>> = {
  cpu: KERNELS_FIRST,
  wasm: KERNELS_FIRST,
  webgl: KERNELS_FIRST,
  webgpu: KERNELS_FIRST,
  tensorflow: KERNELS_FIRST,
};

/** Names to try on a tfjs backend; one registered under another name (a plugin) is treated as its like. */
export function backendPriority(
  tfBackend: string,
  useMla: boolean,
): readonly AttentionBackendEnum[] {
  const priority = PRIORITIES[tfBackend] ?? KERNELS_FIRST;
  return useMla ? priority.mla : priority.softmax;
}

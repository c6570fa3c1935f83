import { getBackend } from '@tensorflow/tfjs-core';
import { providerFor } from '../registry.js';

/**
 * Generation of FlashAttention that serves the active tfjs backend (vLLM `get_flash_attn_version`): 2, the algorithm of the
 * fused kernels, ALiBi or not; null where no package with kernels is loaded.
 */
export function getFlashAttnVersion(_requiresAlibi = false): 2 | null {
  return providerFor(getBackend()) === undefined ? null : 2;
}

/** Whether FLASH_ATTN takes fp8 caches. vLLM's does with FlashAttention-3 alone; TRITON_ATTN, FLASHINFER and FUSED do. */
export function flashAttnSupportsFp8(): boolean {
  return false;
}

/** Whether FLASH_ATTN takes sinks. vLLM's does with FlashAttention-3 alone; TRITON_ATTN and FUSED do. */
export function flashAttnSupportsSinks(): boolean {
  return false;
}

/** Whether FLASH_ATTN takes latent attention: FlashAttention-3 alone. */
export function flashAttnSupportsMla(): boolean {
  return false;
}

/** Whether fused kernels attend to packed batches here: {@link getFlashAttnVersion} finds some. */
export function isFlashAttnVarlenFuncAvailable(): boolean {
  return getFlashAttnVersion() !== null;
}

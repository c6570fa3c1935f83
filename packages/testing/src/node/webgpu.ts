/**
 * Brings up WebGPU in this process, with our kernels. Any name but 'webgpu' is registered as a plugin with every feature of
 * the adapter.
 */
export async function loadWebGpu(name: string): Promise<void> {
  const { registerWebGPUBackend } = await import('@tfjs-attention/backend-webgpu/node');
  if (name !== 'webgpu') registerWebGPUBackend({ name });
}

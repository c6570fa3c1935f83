import { backend, getBackend } from '@tensorflow/tfjs-core';
import type {
  AttentionProvider,
  AttentionSpec,
  KvCacheLayout,
} from '@tfjs-attention/core/provider';
import { Device, deviceIfUp } from './device/device.js';
import { reasonsAgainst } from './device/limits.js';
import { asWebGpuBackend } from './device/tfjs_backend.js';
import { BufferKvStorage } from './storage/kv_storage.js';

/** Lanes of a head: beyond, a row of the output does not fit a workgroup's registers within WebGPU's default limits. */
const MOST_LANES = 1024;

/** Serves one tfjs backend name whose objects are tfjs's WebGPU backend. */
export class WebGpuProvider implements AttentionProvider {
  readonly packageName = '@tfjs-attention/backend-webgpu';

  constructor(readonly tfBackend: string) {}

  describe(): string {
    const reasons = this.reasons();
    if (reasons.length > 0) return `composed tfjs ops: ${reasons.join(', ')}`;
    const { limits } = Device.at('describeKernels', backend());
    const features = [
      ...(limits.subgroup > 0 ? [`subgroups of ${limits.subgroup}`] : []),
      ...(limits.f16 ? ['float16'] : []),
      ...(limits.subgroupMatrix ? ['subgroup matrices'] : []),
    ];
    return `WebGPU compute shaders, ${features.join(', ') || 'no optional features'}, ${limits.adapter || 'adapter unnamed'}`;
  }

  rejects({ headSize, valueHeadSize }: AttentionSpec): string[] {
    const reasons = this.reasons();
    const size = Math.max(headSize, valueHeadSize);
    if (size > MOST_LANES) reasons.push(`head size is ${size}, the kernels end at ${MOST_LANES}`);
    return reasons;
  }

  rejectsCache(_layout: KvCacheLayout): string[] {
    return this.reasons();
  }

  createKvStorage(layout: KvCacheLayout): BufferKvStorage {
    return new BufferKvStorage(layout, Device.of('KvCache', backend()));
  }

  async ready(): Promise<void> {
    // Pipelines are compiled when a spec is first seen, or by `warmup`.
  }

  private reasons(): string[] {
    if (getBackend() !== this.tfBackend) return [`tfjs backend '${this.tfBackend}' is not active`];
    const lost = deviceIfUp(backend())?.state.loss;
    return [
      ...(lost === undefined ? [] : [lost]),
      ...reasonsAgainst(asWebGpuBackend(backend()).device),
    ];
  }
}

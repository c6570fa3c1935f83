import { backend, env, getBackend } from '@tensorflow/tfjs-core';
import type {
  AttentionProvider,
  AttentionSpec,
  KvCacheLayout,
} from '@tfjs-attention/core/provider';
import { Device } from './device/device.js';
import { reasonsAgainst } from './device/limits.js';
import { TextureKvStorage } from './storage/kv_storage.js';
import { asWebGlBackend } from './tensors/tfjs_backend.js';

/** Lanes of a fragment's four rows that one column of 2048 texels holds. */
const MOST_LANES = 2048;

/** Serves one tfjs backend name whose objects are tfjs's WebGL backend. */
export class WebGlProvider implements AttentionProvider {
  readonly packageName = '@tfjs-attention/backend-webgl';

  constructor(readonly tfBackend: string) {}

  describe(): string {
    const reasons = this.reasons();
    if (reasons.length > 0) return `composed tfjs ops: ${reasons.join(', ')}`;
    const { limits } = Device.of('describeKernels', backend());
    return `WebGL 2 fragment shaders, ${limits.drawBuffers} render targets, ${limits.renderer}`;
  }

  rejects({ headSize, valueHeadSize }: AttentionSpec): string[] {
    const reasons = this.reasons();
    const size = Math.max(headSize, valueHeadSize);
    if (size > MOST_LANES) {
      reasons.push(`head size is ${size}, rows of queries in a texture end at ${MOST_LANES}`);
    }
    return reasons;
  }

  rejectsCache(_layout: KvCacheLayout): string[] {
    return this.reasons();
  }

  createKvStorage(layout: KvCacheLayout): TextureKvStorage {
    return new TextureKvStorage(layout, Device.of('KvCache', backend()));
  }

  async ready(): Promise<void> {
    // Shaders are composed and linked when a spec is first seen.
  }

  private reasons(): string[] {
    if (getBackend() !== this.tfBackend) return [`tfjs backend '${this.tfBackend}' is not active`];
    if (env().getNumber('WEBGL_VERSION') !== 2) {
      return ['the context is WebGL 1; the kernels need WebGL 2 (multiple integer render targets)'];
    }
    return reasonsAgainst(asWebGlBackend(backend()).gpgpu.gl);
  }
}

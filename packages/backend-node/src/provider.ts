import { backend, getBackend } from '@tensorflow/tfjs-core';
import {
  announceProvider,
  UnsupportedError,
  type AttentionProvider,
  type AttentionSpec,
  type KvCacheLayout,
} from '@tfjs-attention/core/provider';
import { loadAddon } from './addon/load.js';
import { cudaRejects, cudaRejectsCache } from './gpu.js';
import { TensorKvStorage } from './kv_storage.js';
import { threadsInUse } from './settings.js';
import { Device } from './tensorflow/device.js';

/** Largest head size of the C kernels. */
const MAX_HEAD_SIZE = 576;

const TITLES: Readonly<Record<string, string>> = {
  avx512: 'AVX-512',
  avx2: 'AVX2',
  neon: 'NEON',
  scalar: 'scalar code',
};

/** Serves one tfjs backend name whose objects are tfjs-node's. */
export class TensorFlowProvider implements AttentionProvider {
  readonly packageName = '@tfjs-attention/backend-node';

  constructor(readonly tfBackend: string) {}

  describe(): string {
    if (getBackend() !== this.tfBackend) return `tfjs backend '${this.tfBackend}' is not active`;
    const state = loadAddon();
    if (state.kind === 'absent') return `composed tfjs ops: ${state.reason}`;
    const [reason] = this.reasonsOfDevice();
    if (reason !== undefined) return `composed tfjs ops: ${reason}`;
    const ops = `TensorFlow ${state.tensorFlow} custom ops`;
    if (this.usesGpu()) return `${ops}, CUDA kernels on ${String(state.addon.gpuName())}`;
    const set = state.addon.instructionSet();
    const threads = threadsInUse();
    return `${ops}, ${TITLES[set] ?? set}, ${threads} thread${threads === 1 ? '' : 's'}`;
  }

  rejects(spec: AttentionSpec): string[] {
    const reasons = this.reasons(spec.headSize, spec.valueHeadSize);
    return this.usesGpu() ? [...reasons, ...cudaRejects(spec)] : reasons;
  }

  rejectsCache(layout: KvCacheLayout): string[] {
    const reasons = this.reasons(layout.headSize, layout.valueHeadSize);
    return this.usesGpu() ? [...reasons, ...cudaRejectsCache(layout)] : reasons;
  }

  createKvStorage(layout: KvCacheLayout): TensorKvStorage {
    const state = loadAddon();
    if (state.kind === 'absent') throw new UnsupportedError('KvCache', [state.reason]);
    return new TensorKvStorage(layout, Device.of(backend()));
  }

  ready(): Promise<void> {
    loadAddon();
    // What was rejected for want of the addon may now be had.
    announceProvider(this);
    return Promise.resolve();
  }

  private reasons(headSize: number, valueHeadSize: number): string[] {
    const state = loadAddon();
    if (state.kind === 'absent') return [state.reason];
    const reasons = this.reasonsOfDevice();
    const largest = Math.max(headSize, valueHeadSize);
    if (largest > MAX_HEAD_SIZE) {
      reasons.push(
        `head size ${largest} is above ${MAX_HEAD_SIZE}, the most that the kernels take`,
      );
    }
    return reasons;
  }

  /** Tensors of a GPU are of no use to kernels of the CPU. */
  private reasonsOfDevice(): string[] {
    const state = loadAddon();
    if (state.kind === 'absent' || !this.usesGpu()) return [];
    const absence = state.addon.gpuAbsence();
    return absence === null ? [] : [`TensorFlow runs on a GPU, and ${absence}`];
  }

  /** Looking a backend up would start it, so only the active one. */
  private usesGpu(): boolean {
    return getBackend() === this.tfBackend && Device.of(backend()).usesGpu;
  }
}

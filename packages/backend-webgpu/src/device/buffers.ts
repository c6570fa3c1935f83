import type { TfjsWebGpu } from './tfjs_backend.js';

/** Below this a buffer's size does not matter. */
const LEAST_BYTES = 1024;

/**
 * Buffers for scratch, params and integers out of tfjs's pool, which keeps one list of free ones for each size: sizes are
 * rounded so that growing batches reuse them and a decode step allocates nothing.
 */
export class Buffers {
  constructor(private readonly tfjs: TfjsWebGpu) {}

  /** Scratch of at least so many bytes; its contents are whatever they are. */
  scratch(bytes: number): GPUBuffer {
    const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage;
    return this.tfjs.bufferManager.acquireBuffer(roundUp(bytes), STORAGE | COPY_DST | COPY_SRC);
  }

  /** A uniform buffer that holds `data` when the commands that are recorded next run. */
  uniform(data: ArrayBuffer): GPUBuffer {
    const { UNIFORM, COPY_DST } = GPUBufferUsage;
    const buffer = this.tfjs.bufferManager.acquireBuffer(data.byteLength, UNIFORM | COPY_DST);
    this.tfjs.queue.writeBuffer(buffer, 0, data);
    return buffer;
  }

  /** Scratch that holds `words`. */
  upload(words: Int32Array<ArrayBuffer>): GPUBuffer {
    const buffer = this.scratch(words.byteLength);
    if (words.length > 0) this.tfjs.queue.writeBuffer(buffer, 0, words);
    return buffer;
  }

  /** Destroys buffers of our own once what is recorded so far was submitted. */
  destroyLater(buffers: readonly GPUBuffer[]): void {
    const { tfjs } = this;
    if (tfjs.commandEncoder !== null) {
      tfjs.endComputePassEncoder();
      tfjs.submitQueue();
    }
    for (const buffer of buffers) buffer.destroy();
  }

  /** Gives a buffer back once what is recorded so far was submitted: until then it must not be written from the host. */
  give(buffer: GPUBuffer): void {
    this.tfjs.uniformPendingDisposal.push(buffer);
  }
}

/** To a quarter of its power of two. */
function roundUp(bytes: number): number {
  const step = Math.max(LEAST_BYTES, 2 ** (Math.floor(Math.log2(Math.max(1, bytes))) - 2));
  return Math.ceil(Math.max(1, bytes) / step) * step;
}

import type { TensorInfo } from '@tensorflow/tfjs-core';
import { CapacityError } from '@tfjs-attention/core/provider';
import { MemoryRegion, type Region } from '../heap/region.js';
import { sizeOf, type Output, type OutputType, type TensorPort } from './port.js';
import { viewedMemory, type WasmBackend } from './tfjs_backends.js';

/** Tensors of tfjs-wasm where they lie in its memory. */
export class TfjsPort implements TensorPort {
  private readonly memory: { readonly buffer: ArrayBufferLike };

  constructor(private readonly backend: WasmBackend) {
    this.memory = viewedMemory(backend);
  }

  input({ dataId, shape, dtype }: TensorInfo): Region {
    const bytes = sizeOf(shape) * (dtype === 'bool' ? 1 : 4);
    const { memoryOffset } = this.backend.dataIdMap.get(dataId);
    // tfjs-wasm does not look whether its allocator had anything left, and then keeps the tensor at address 0.
    if (!memoryOffset && bytes > 0) {
      throw new CapacityError(
        `out of memory: tfjs-wasm had no room for a tensor [${shape.join(', ')}], so its values are lost; ` +
          'dispose tensors or caches',
      );
    }
    return new MemoryRegion(this.memory, memoryOffset ?? 0, bytes);
  }

  output(shape: readonly number[], dtype: OutputType): Output {
    const info = this.backend.makeOutput([...shape], dtype);
    const discard = () => void this.backend.disposeData(info.dataId);
    try {
      return { region: this.input(info), info: () => info, discard };
    } catch (error) {
      discard();
      throw error;
    }
  }
}

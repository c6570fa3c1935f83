import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { Device } from '../device/device.js';

/** A tensor as shaders read it: element i of a slice at `offset` lies at texel (offset + i) of rows of `width`. */
export interface TensorView {
  readonly texture: WebGLTexture;
  readonly width: number;
  readonly offset: number;
}

/** Tensors of one call; those that tfjs holds packed are unpacked for as long as the call runs. */
export class CallInputs {
  private readonly unpacked: TensorInfo[] = [];

  constructor(private readonly device: Device) {}

  view(info: TensorInfo): TensorView {
    const { tfjs } = this.device;
    tfjs.uploadToGPU(info.dataId);
    let data = tfjs.texData.get(info.dataId);
    if (data.isPacked) {
      const unpacked = tfjs.unpackTensor(info);
      this.unpacked.push(unpacked);
      data = tfjs.texData.get(unpacked.dataId);
    }
    const { texture, texShape, slice } = data;
    if (texture == null || texShape == null) throw new Error('tfjs keeps no texture of a tensor');
    return { texture: texture.texture, width: texShape[1], offset: slice?.flatOffset ?? 0 };
  }

  release(): void {
    for (const info of this.unpacked) this.device.tfjs.disposeIntermediateTensorInfo(info);
  }
}

import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';
import type { Device } from '../device/device.js';

/** A new tensor's texture, unpacked: value i at texel i of rows of `width`. */
export interface OutputTensor {
  readonly info: TensorInfo;
  readonly texture: WebGLTexture;
  readonly width: number;
  readonly height: number;
  readonly size: number;
}

export function makeOutput(
  device: Device,
  shape: readonly number[],
  dtype: DataType = 'float32',
): OutputTensor {
  const { tfjs } = device;
  const info = tfjs.makeTensorInfo([...shape], dtype);
  try {
    tfjs.uploadToGPU(info.dataId);
  } catch (error) {
    tfjs.disposeIntermediateTensorInfo(info);
    throw error;
  }
  const { texture, texShape } = tfjs.texData.get(info.dataId);
  if (texture == null || texShape == null) throw new Error('tfjs made no texture for an output');
  const [height, width] = texShape;
  const size = shape.reduce((product, axis) => product * axis, 1);
  return { info, texture: texture.texture, width, height, size };
}

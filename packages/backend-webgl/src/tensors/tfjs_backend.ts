import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';
import type { MathBackendWebGL } from '@tensorflow/tfjs-backend-webgl';

type DataId = TensorInfo['dataId'];

/** What tfjs keeps of a tensor. Unpacked textures hold elements row by row, one a texel, whatever the shape. */
export interface TextureData {
  readonly texture?: { readonly texture: WebGLTexture } | null;
  /** Rows and columns. */
  readonly texShape?: readonly [number, number] | null;
  readonly isPacked?: boolean;
  readonly slice?: { readonly flatOffset: number } | null;
}

/** One program's time, as tfjs collects them while `tf.time` or `tf.profile` runs. */
interface ActiveTimer {
  name: string;
  query: Promise<number>;
}

/** The parts of tfjs's WebGL backend that are used here, some of which it declares private. */
export interface WebGlBackend {
  readonly texData: { get(dataId: DataId): TextureData };
  readonly gpgpu: {
    readonly gl: WebGL2RenderingContext;
    readonly framebuffer: WebGLFramebuffer;
    outputTexture: WebGLTexture | null;
  };
  readonly activeTimers?: ActiveTimer[] | null;
  /** Counted by tf.memory(). */
  numBytesInGPU: number;
  readonly textureManager: { _numBytesAllocated: number };
  makeTensorInfo(shape: number[], dtype: DataType): TensorInfo;
  uploadToGPU(dataId: DataId): void;
  unpackTensor(info: TensorInfo): TensorInfo;
  disposeIntermediateTensorInfo(info: TensorInfo): void;
  startTimer(): unknown;
  endTimer(query: unknown): unknown;
  getQueryTime(query: unknown): Promise<number>;
}

/** The one cast at tfjs's boundary: the kernel registry hands the backend object over as `{}`. */
export function asWebGlBackend(backend: object): WebGlBackend {
  return backend as MathBackendWebGL as unknown as WebGlBackend;
}

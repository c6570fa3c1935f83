import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';

/** The stock tfjs backend that a name stands for. */
export type StockBackend = 'cpu' | 'wasm';

/** What is used of tfjs-backend-cpu 4.22. */
export interface CpuBackend {
  readonly data: { get(dataId: object): { readonly values?: unknown } };
  makeTensorInfo(shape: number[], dtype: DataType, values: Float32Array | Int32Array): TensorInfo;
}

/** What is used of tfjs-backend-wasm 4.22 and the Emscripten module inside it. */
export interface WasmBackend {
  /** Null once the backend is disposed. */
  readonly wasm: TfjsWasm | null;
  readonly dataIdMap: { get(dataId: object): { readonly memoryOffset: number | null } };
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
  disposeData(dataId: object): boolean;
}

export interface TfjsWasm {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
  /** The plain and SIMD builds export their memory here. */
  readonly asm?: Readonly<Record<string, unknown>>;
  /** The threaded build imports this shared one. */
  readonly wasmMemory?: unknown;
}

/** tfjs-wasm's own memory, or undefined where this build hides it. */
export function memoryOf({ wasm }: WasmBackend): WebAssembly.Memory | undefined {
  const candidates = [wasm?.wasmMemory, wasm?.asm?.['memory'], ...Object.values(wasm?.asm ?? {})];
  return candidates.find((value) => value instanceof WebAssembly.Memory);
}

/** The same memory as far as views need it, whatever the build shows. */
export function viewedMemory(backend: WasmBackend): { readonly buffer: ArrayBufferLike } {
  return (
    memoryOf(backend) ?? {
      get buffer() {
        return backend.wasm?.HEAPU8.buffer ?? new ArrayBuffer(0);
      },
    }
  );
}

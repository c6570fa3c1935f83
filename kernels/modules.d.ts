/** A compiled module, as base64 text. */
declare module '*.wasm' {
  const base64: string;
  export default base64;
}

declare module '*.wgsl' {
  const source: string;
  export default source;
}

declare module '*.glsl' {
  const source: string;
  export default source;
}

/** Compiles and runs programs of the native kernels, for tests. */
declare module 'kernels/build/native.js' {
  export interface Toolchain {
    readonly arch: string;
    readonly compiler: string;
    /** What runs a program of another processor, or nothing. */
    readonly emulator: readonly string[];
    readonly obstacle?: undefined;
  }
  export const nativeUnits: {
    readonly sets: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  };
  export function nativeToolchain(arch?: string): Toolchain | { readonly obstacle: string };
  export function buildNative(program: string, toolchain: Toolchain): string;
}

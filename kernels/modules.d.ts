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

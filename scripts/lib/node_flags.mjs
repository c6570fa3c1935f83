const major = Number(process.versions.node.split('.')[0]);

/** Node 20 hides relaxed SIMD behind a V8 flag; later versions have it on. */
export const wasmFlags = major < 21 ? ['--experimental-wasm-relaxed-simd'] : [];

export const jestFlags = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  ...wasmFlags,
];

/** `i32.const 0; i8x16.splat`: any v128. */
const SPLAT = [0x41, 0x00, 0xfd, 0x0f];
const END = 0x0b;
const RELAXED_MADD = [0xfd, 0x85, 0x02];

/** Whether the engine takes a module of one function `() -> v128` with this code. Compiles nothing. */
function validates(code: readonly number[]): boolean {
  const body = [0, ...code, END];
  const bytes = [
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // \0asm, version 1
    ...[1, 5, 1, 0x60, 0, 1, 0x7b], // type: () -> v128
    ...[3, 2, 1, 0], // one function of it
    ...[10, body.length + 2, 1, body.length, ...body],
  ];
  return typeof WebAssembly === 'object' && WebAssembly.validate(Uint8Array.from(bytes));
}

export function hasSimd(): boolean {
  return validates(SPLAT);
}

/** Node 20 has it behind `--experimental-wasm-relaxed-simd`. */
export function hasRelaxedSimd(): boolean {
  return validates([...SPLAT, ...SPLAT, ...SPLAT, ...RELAXED_MADD]);
}

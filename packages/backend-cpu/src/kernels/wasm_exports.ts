/** What the modules of `kernels/cpu` export; addresses and counts are u32, which come back signed. */
export interface WasmExports {
  readonly __stack_pointer: WebAssembly.Global;
  attn_schedule(params: number, operands: number, items: number): number;
  attn_scratch_bytes(params: number): number;
  attn_partial_bytes(params: number, operands: number): number;
  attn_run(
    params: number,
    operands: number,
    items: number,
    begin: number,
    end: number,
    partials: number,
    scratch: number,
  ): void;
  attn_combine(
    params: number,
    operands: number,
    items: number,
    numItems: number,
    partials: number,
  ): void;
  attn_backward_scratch_bytes(params: number): number;
  attn_backward(
    params: number,
    operands: number,
    gradients: number,
    begin: number,
    end: number,
    scratch: number,
  ): void;
  attn_merge_states(
    outputA: number,
    lseA: number,
    outputB: number,
    lseB: number,
    sinks: number,
    output: number,
    lse: number,
    rows: number,
    heads: number,
    size: number,
  ): void;
  cache_write(params: number, operands: number, begin: number, end: number): void;
  cache_gather(params: number, operands: number, begin: number, end: number): void;
  fp8_encode(x: number, codes: number, count: number, scale: number, dtype: number): void;
  fp8_decode(codes: number, x: number, count: number, scale: number, dtype: number): void;
}

export const STACK_BYTES = 2 ** 16;

/** A module over a memory, its stack in a block of that memory. */
export function instantiate(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  stackAddress: number,
): WasmExports {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const typed = exports as unknown as WasmExports;
  typed.__stack_pointer.value = stackTop(stackAddress);
  return typed;
}

/** The stack grows downwards. */
export function stackTop(stackAddress: number): number {
  return stackAddress + STACK_BYTES;
}

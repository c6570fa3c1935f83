import { AttentionError, UnsupportedError } from '@tfjs-attention/core/provider';
import { hasRelaxedSimd, hasSimd } from './probe.js';
import { compileAhead, compileNow, isAtHand, type ModuleName } from './source.js';

/** What runs: a WebAssembly module, or the kernels written in TypeScript and why. */
export type Program =
  | { readonly kind: 'wasm'; readonly name: ModuleName; readonly module: WebAssembly.Module }
  | { readonly kind: 'typescript'; readonly reason: string };

/** 'auto' takes the fastest that the engine has. */
export type WasmModuleChoice = ModuleName | 'typescript' | 'auto';

/** Why a module cannot run here, or undefined. */
export function reasonAgainst(name: ModuleName): string | undefined {
  if (typeof WebAssembly !== 'object') return 'this engine has no WebAssembly';
  if (!hasSimd()) return 'this engine has no WebAssembly SIMD';
  if (name === 'simd' || hasRelaxedSimd()) return undefined;
  return 'this engine has no WebAssembly relaxed SIMD (Node 20: start it with --experimental-wasm-relaxed-simd)';
}

/**
 * The module that a request stands for, or why only TypeScript is left. Compiles nothing.
 *
 * @throws UnsupportedError where the engine lacks what was asked for, or the module is not here yet
 */
export function resolve(requested: WasmModuleChoice): ModuleName | { readonly reason: string } {
  const name = pick(requested);
  if (typeof name === 'object' || isAtHand(name)) return name;
  throw new UnsupportedError('WebAssembly kernels', [
    'the modules of setWasmUrl are not fetched yet: await ready() first',
  ]);
}

/** As {@link resolve}, wherever the module is. */
export function pick(requested: WasmModuleChoice): ModuleName | { readonly reason: string } {
  switch (requested) {
    case 'simd':
    case 'relaxed': {
      const reason = reasonAgainst(requested);
      if (reason === undefined) return requested;
      throw new UnsupportedError(`setWasmModule('${requested}')`, [reason]);
    }
    case 'typescript':
      return { reason: "asked for by setWasmModule('typescript')" };
    case 'auto': {
      if (reasonAgainst('relaxed') === undefined) return 'relaxed';
      const reason = reasonAgainst('simd');
      return reason === undefined ? 'simd' : { reason };
    }
    default:
      return requested satisfies never;
  }
}

/**
 * Compiles the requested module for a shared or unshared memory.
 *
 * @throws UnsupportedError where a module that was asked for by name does not come up.
 */
export function loadProgram(requested: WasmModuleChoice, shared: boolean): Program {
  const name = resolve(requested);
  if (typeof name === 'object') return { kind: 'typescript', reason: name.reason };
  let reason: string;
  try {
    return { kind: 'wasm', name, module: compileNow(name, shared) };
  } catch (error) {
    reason = explain(error);
  }
  if (requested !== 'auto') throw new UnsupportedError(`setWasmModule('${requested}')`, [reason]);
  return { kind: 'typescript', reason };
}

/**
 * Fetches and compiles, off the thread, what `loadProgram` will want.
 *
 * @throws DeviceError where fetching fails, UnsupportedError as `loadProgram` does
 */
export async function prepareProgram(requested: WasmModuleChoice, shared: boolean): Promise<void> {
  const name = pick(requested);
  if (typeof name === 'object') return;
  try {
    await compileAhead(name, shared);
  } catch (error) {
    if (error instanceof AttentionError) throw error;
    // TypeScript will serve, and say why.
    if (requested === 'auto') return;
    throw new UnsupportedError(`setWasmModule('${requested}')`, [explain(error)]);
  }
}

function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // Chrome says "disallowed by embedder", Firefox and Safari name the policy.
  if (/embedder|CSP|security policy|unsafe-eval/i.test(message)) {
    return "WebAssembly is blocked by CSP (it needs 'wasm-unsafe-eval')";
  }
  if (error instanceof RangeError) {
    return 'this page compiles WebAssembly only asynchronously: await ready() before the first call';
  }
  return `the WebAssembly module did not compile: ${message}`;
}

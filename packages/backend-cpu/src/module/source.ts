import relaxed from 'kernels/dist/attention_relaxed.wasm';
import simd from 'kernels/dist/attention_simd.wasm';
import { DeviceError } from '@tfjs-attention/core/provider';
import { withSharedMemory } from './shared_import.js';

/** SIMD128, or with relaxed SIMD (fused multiply-add) besides: the same source, compiled twice. */
export type ModuleName = 'simd' | 'relaxed';

export type ModuleUrls = Readonly<Record<ModuleName, string | URL>>;

const inlined: Readonly<Record<ModuleName, string>> = { simd, relaxed };
const compiled = new Map<string, WebAssembly.Module>();
const fetched = new Map<ModuleName, Uint8Array>();
let urls: ModuleUrls | undefined;

/** Modules come from these addresses from now on; undefined = from the package again. */
export function setUrls(next: ModuleUrls | undefined): void {
  urls = next;
  compiled.clear();
  fetched.clear();
}

/** Compiles a module that is at hand, once. Throws what the engine throws. */
export function compileNow(name: ModuleName, shared: boolean): WebAssembly.Module {
  const key = keyOf(name, shared);
  const found = compiled.get(key);
  if (found !== undefined) return found;
  const module = new WebAssembly.Module(flavour(bytesOf(name), shared));
  compiled.set(key, module);
  return module;
}

/** Whether the bytes are here; those of `setUrls` come by `compileAhead`. */
export function isAtHand(name: ModuleName): boolean {
  return urls === undefined || fetched.has(name);
}

/** Fetches and compiles off the thread. */
export async function compileAhead(name: ModuleName, shared: boolean): Promise<void> {
  const key = keyOf(name, shared);
  if (compiled.has(key)) return;
  if (urls !== undefined && !isAtHand(name)) fetched.set(name, await fetchBytes(urls[name]));
  compiled.set(key, await WebAssembly.compile(flavour(bytesOf(name), shared)));
}

function keyOf(name: ModuleName, shared: boolean): string {
  return shared ? `${name} shared` : name;
}

function bytesOf(name: ModuleName): Uint8Array {
  return fetched.get(name) ?? Uint8Array.from(atob(inlined[name]), (char) => char.charCodeAt(0));
}

function flavour(bytes: Uint8Array, shared: boolean): Uint8Array<ArrayBuffer> {
  return (shared ? withSharedMemory(bytes) : bytes) as Uint8Array<ArrayBuffer>;
}

async function fetchBytes(url: string | URL): Promise<Uint8Array> {
  const fail = (reason: string) => new DeviceError(`setWasmUrl: ${String(url)}: ${reason}`);
  const response = await fetch(url).catch((error: Error) => {
    throw fail(error.message);
  });
  if (!response.ok) throw fail(`the server answered ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

import { InvalidArgumentError, type KvStorage } from '@tfjs-attention/core/provider';
import { ownMachine, plainMachine, tfjsMachine, type Machine } from './machine.js';
import {
  loadProgram,
  prepareProgram,
  resolve,
  type Program,
  type WasmModuleChoice,
} from './module/choice.js';
import { ArrayPort } from './tensors/array_port.js';
import { CopyPort } from './tensors/copy_port.js';
import type { TensorPort } from './tensors/port.js';
import {
  memoryOf,
  type CpuBackend,
  type StockBackend,
  type WasmBackend,
} from './tensors/tfjs_backends.js';
import { TfjsPort } from './tensors/tfjs_port.js';

/** A tfjs backend object as one of the two stock kinds. */
export type Home =
  | { readonly stock: 'cpu'; readonly backend: CpuBackend }
  | { readonly stock: 'wasm'; readonly backend: WasmBackend };

/** A machine and how tensors of one backend object get into it. */
export interface Site extends Machine {
  readonly port: TensorPort;
}

let requestedModule: WasmModuleChoice = 'auto';
let requestedThreads = 1;
let own: Machine | undefined;
/** By tfjs backend object, with the epoch that they were opened in. */
const sites = new WeakMap<object, { site: Site; epoch: number }>();
let epoch = 0;
const liveCaches = new Set<KvStorage>();

export function homeOf(stock: StockBackend, backend: object): Home {
  // The registry promises the class; tfjs types it as {}.
  return { stock, backend } as unknown as Home;
}

/** Memory and kernels for a tfjs backend object, brought up at first use. @throws CapacityError, UnsupportedError */
export function siteOf(home: Home): Site {
  const found = sites.get(home.backend);
  if (found?.epoch === epoch) return found.site;
  found?.site.close();
  const site = openSite(home);
  sites.set(home.backend, { site, epoch });
  return site;
}

function openSite(home: Home): Site {
  const stockPort = home.stock === 'cpu' ? new ArrayPort(home.backend) : new TfjsPort(home.backend);
  const memory = home.stock === 'wasm' ? memoryOf(home.backend) : undefined;
  if (home.stock === 'wasm' && memory !== undefined && requestedThreads === 1) {
    const program = loadProgram(requestedModule, isShared(memory));
    const machine =
      program.kind === 'wasm'
        ? tfjsMachine(program, home.backend, memory)
        : plainMachine(program.reason, home.backend);
    return { ...machine, port: stockPort };
  }
  const program = loadProgram(requestedModule, requestedThreads > 1);
  if (program.kind === 'typescript') {
    const backend = home.stock === 'wasm' ? home.backend : undefined;
    return { ...plainMachine(program.reason, backend), port: stockPort };
  }
  own ??= ownMachine(program, requestedThreads);
  return { ...own, port: new CopyPort(stockPort, own.arena) };
}

export function isShared(memory: WebAssembly.Memory): boolean {
  return Object.prototype.toString.call(memory.buffer) === '[object SharedArrayBuffer]';
}

/** Compiles what `siteOf` will need, and starts threads. */
export async function bringUp(home: Home | undefined): Promise<void> {
  const memory = home?.stock === 'wasm' ? memoryOf(home.backend) : undefined;
  const shared = requestedThreads > 1 || (memory !== undefined && isShared(memory));
  await prepareProgram(requestedModule, shared);
  if (home !== undefined) await siteOf(home).pool?.ready();
}

/** Drops machines so that the next use brings up what was asked for. @throws InvalidArgumentError while caches live */
export function reconfigure(
  op: string,
  change: { module?: WasmModuleChoice; threads?: number },
): void {
  if (liveCaches.size > 0) {
    throw new InvalidArgumentError(
      `${op}: caches live in the memory that the kernels use now (${liveCaches.size}); ` +
        'call it before the first KvCache is made, or dispose them',
    );
  }
  requestedModule = change.module ?? requestedModule;
  requestedThreads = change.threads ?? requestedThreads;
  own?.close();
  own = undefined;
  epoch++;
}

/** Whether WebAssembly or TypeScript is to run. Compiles nothing. @throws UnsupportedError */
export function requestedKind(): Program['kind'] {
  return typeof resolve(requestedModule) === 'string' ? 'wasm' : 'typescript';
}

/** Marks a cache as living, until the returned function is called. */
export function keepAlive(storage: KvStorage): () => void {
  liveCaches.add(storage);
  return () => void liveCaches.delete(storage);
}

/** The machine with our own memory, if one is up. */
export function ownMachineIfUp(): Machine | undefined {
  return own;
}

export function siteIfUp(backend: object): Site | undefined {
  const found = sites.get(backend);
  return found?.epoch === epoch ? found.site : undefined;
}

export function threadsAsked(): number {
  return requestedThreads;
}

import { existsSync, readFileSync } from 'node:fs';
import type { Ceiling } from './ceiling.js';
import type { WasmFlavour } from './contenders/contender.js';
import { ceilingModule } from './places.js';

interface CeilingExports {
  ceiling_madd: (steps: number, factor: number, addend: number) => number;
  ceiling_tile: (steps: number, left: number, right: number) => number;
  ceiling_read: (from: number, count: number) => number;
}

const STEPS = 500_000;
/** 12 chains of 4 lanes, two operations each. */
const CHAIN_FLOPS = 96;
/** 8 vectors. */
const TILE_FLOPS = 64;
/** Bytes of the tile's left operands; the right ones follow. */
const TILE_LEFT = 1024;
const PAGE = 65536;
/** Bytes that `ceiling_read` takes at a time: 8192 floats in eight streams. */
const READ_STEP = 32768;
/** Where the buffer starts; the module's stack is below. */
const BUFFER = PAGE;
/** Largest buffer, past every cache that a core has to itself. */
const MOST_BYTES = 512 * 2 ** 20;

const loaded = new Map<WasmFlavour, Ceiling | undefined>();

function loadCeiling(flavour: WasmFlavour): Ceiling | undefined {
  const path = ceilingModule(flavour);
  if (!existsSync(path)) return undefined;
  const memory = new WebAssembly.Memory({ initial: 2, maximum: PAGE });
  const module = new WebAssembly.Module(readFileSync(path));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const { ceiling_madd, ceiling_tile, ceiling_read } = exports as unknown as CeilingExports;
  return {
    // The chains tend to 1, the tile adds zeros or ones: no overflow, no subnormal numbers.
    compute: [
      { run: () => void ceiling_madd(STEPS, 0.5, 0.5), work: STEPS * CHAIN_FLOPS },
      {
        run: () => void ceiling_tile(STEPS, BUFFER, BUFFER + TILE_LEFT),
        work: STEPS * TILE_FLOPS,
      },
    ],
    read: (wanted) => {
      const bytes = Math.min(MOST_BYTES, Math.ceil(wanted / READ_STEP) * READ_STEP);
      const lacking = BUFFER + bytes - memory.buffer.byteLength;
      if (lacking > 0) {
        memory.grow(Math.ceil(lacking / PAGE));
        // Pages that were never written may all be one page of zeros, which would read too fast.
        new Uint32Array(memory.buffer, BUFFER).fill(0x3f800000);
      }
      return { run: () => void ceiling_read(BUFFER, bytes / 4), work: bytes };
    },
  };
}

/** What one core can do at most with a module's instructions; nothing where it is not built. */
export function wasmCeiling(flavour: WasmFlavour): Ceiling | undefined {
  if (!loaded.has(flavour)) loaded.set(flavour, loadCeiling(flavour));
  return loaded.get(flavour);
}

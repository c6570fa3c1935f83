import { create, globals } from 'webgpu';

/** Features that Dawn hides from pages and that kernels use where they are: subgroup matrices, float16 on NVIDIA. */
const HIDDEN_FEATURES = 'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia';

/** Copies of this module (ESM beside CJS) share one. Dawn ends its instance when nobody holds the object. */
const HELD = Symbol.for('@tfjs-attention/dawn');

interface Holder {
  [HELD]?: GPU;
}

/** Options for Dawn's Node bindings. */
export interface DawnOptions {
  /** A part of the wanted adapter's name, e.g. 'llvmpipe'. Default: the first of the most powerful ones. */
  readonly adapter?: string;
  /** Further options in Dawn's own words, e.g. 'disable-dawn-features=...'. */
  readonly flags?: readonly string[];
}

/**
 * Gives this process what a page has: `navigator.gpu`, over Dawn, and the classes and constants of WebGPU as globals. A
 * `navigator.gpu` that exists is kept, unless options ask for something.
 */
export function installDawn(options?: DawnOptions): GPU {
  const held = (globalThis as Holder)[HELD] ?? currentGpu();
  if (held !== undefined && options === undefined) return held;
  const { adapter, flags = [] } = options ?? {};
  Object.assign(globalThis, globals);
  const gpu = create([
    HIDDEN_FEATURES,
    ...(adapter === undefined ? [] : [`adapter=${adapter}`]),
    ...flags,
  ]);
  (globalThis as Holder)[HELD] = gpu;
  const { navigator } = globalThis;
  if (navigator === undefined) {
    const own = { gpu, userAgent: `Node.js/${process.versions.node}` };
    Object.defineProperty(globalThis, 'navigator', { value: own, configurable: true });
  } else {
    Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
  }
  return gpu;
}

function currentGpu(): GPU | undefined {
  return (globalThis.navigator as Navigator | undefined)?.gpu;
}

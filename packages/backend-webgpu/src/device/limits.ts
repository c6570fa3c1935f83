/** What a WebGPU device can do, as far as kernels are shaped by it. */
export interface Limits {
  readonly workgroupBytes: number;
  readonly workgroupThreads: number;
  readonly storageBuffers: number;
  /** Bytes of one binding, and of one buffer. */
  readonly bindingBytes: number;
  readonly bufferBytes: number;
  readonly workgroupsPerDimension: number;
  /** Threads of every subgroup; 0 where kernels do without subgroups. */
  readonly subgroup: number;
  readonly f16: boolean;
  readonly subgroupMatrix: boolean;
  readonly adapter: string;
  /** The adapter whose tuned tiles serve. */
  readonly tunedFor: string;
}

/** Subgroup sizes that the suite has run with; any other size runs the generic code. */
export const VERIFIED_SUBGROUPS: readonly number[] = [4, 8, 32];

/** What kernels need of a device; WebGPU promises all of it. */
const LEAST = {
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxStorageBuffersPerShaderStage: 8,
} as const;

/** Everything that speaks against a device; empty = it serves. */
export function reasonsAgainst({ limits }: GPUDevice): string[] {
  const names = Object.keys(LEAST) as (keyof typeof LEAST)[];
  return names
    .filter((name) => limits[name] < LEAST[name])
    .map((name) => `${name} is ${limits[name]}, the kernels need ${LEAST[name]}`);
}

/** `GPUAdapterInfo` of today, with what a device says of its subgroups. */
interface AdapterInfo {
  readonly vendor?: string;
  readonly architecture?: string;
  readonly description?: string;
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
}

/** Kernels may be kept from what a device has, by saying so before they first run there. */
export interface FeatureChoice {
  readonly subgroups?: boolean;
  readonly f16?: boolean;
  readonly subgroupMatrix?: boolean;
  /** Lower limits than the device's, as on a smaller one. */
  readonly workgroupBytes?: number;
  readonly bufferBytes?: number;
  /** Take the tiles that were tuned for another adapter, by its name. */
  readonly tunedFor?: string;
}

export function readLimits(gpu: GPUDevice, choice: FeatureChoice = {}): Limits {
  const { limits } = gpu;
  const info: AdapterInfo = (gpu as { adapterInfo?: AdapterInfo }).adapterInfo ?? {};
  // Newer features than the type declarations know.
  const features: ReadonlySet<string> = gpu.features;
  const adapter = [info.vendor, info.architecture, info.description].filter(Boolean).join(' ');
  return {
    workgroupBytes: Math.min(
      limits.maxComputeWorkgroupStorageSize,
      choice.workgroupBytes ?? Infinity,
    ),
    workgroupThreads: Math.min(
      limits.maxComputeInvocationsPerWorkgroup,
      limits.maxComputeWorkgroupSizeX,
    ),
    storageBuffers: limits.maxStorageBuffersPerShaderStage,
    bindingBytes: limits.maxStorageBufferBindingSize,
    bufferBytes: Math.min(limits.maxBufferSize, choice.bufferBytes ?? Infinity),
    workgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    subgroup: features.has('subgroups') && choice.subgroups !== false ? subgroupOf(info) : 0,
    f16: features.has('shader-f16') && choice.f16 !== false,
    subgroupMatrix:
      features.has('chromium-experimental-subgroup-matrix') && choice.subgroupMatrix !== false,
    adapter,
    tunedFor: choice.tunedFor ?? adapter,
  };
}

function subgroupOf({ subgroupMinSize, subgroupMaxSize }: AdapterInfo): number {
  if (subgroupMinSize === undefined || subgroupMinSize !== subgroupMaxSize) return 0;
  return VERIFIED_SUBGROUPS.includes(subgroupMinSize) ? subgroupMinSize : 0;
}

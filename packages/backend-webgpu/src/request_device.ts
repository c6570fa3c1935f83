import { env } from '@tensorflow/tfjs-core';
import { UnsupportedError } from '@tfjs-attention/core/provider';

/** Optional features of an adapter. True: needed. False: left alone. Default: taken where the adapter offers it. */
export interface FeatureWishes {
  /** Half precision in shaders, `shader-f16`. */
  readonly f16?: boolean;
  /** `subgroups`. */
  readonly subgroups?: boolean;
  /** `chromium-experimental-subgroup-matrix`. */
  readonly subgroupMatrix?: boolean;
}

const FEATURES = {
  f16: ['shader-f16'],
  subgroups: ['subgroups'],
  subgroupMatrix: ['chromium-experimental-subgroup-matrix'],
} as const satisfies Record<keyof FeatureWishes, readonly string[]>;

/** What tfjs's own device asks for, as far as an adapter has it. */
const OF_TFJS = ['timestamp-query', 'bgra8unorm-storage'];

/** Limits in which the device gets all that the adapter has. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupsPerDimension',
] as const;

export interface RequestedDevice {
  readonly device: GPUDevice;
  /** As the adapter describes itself. */
  readonly info: GPUAdapterInfo | undefined;
}

/**
 * A device of its own with what the adapter offers.
 *
 * @throws UnsupportedError where there is no WebGPU or no adapter, or where it lacks a feature that is needed.
 */
export async function requestDevice(op: string, wishes: FeatureWishes): Promise<RequestedDevice> {
  const gpu = (globalThis.navigator as Partial<Navigator> | undefined)?.gpu;
  if (gpu === undefined) {
    throw new UnsupportedError(op, [
      "there is no navigator.gpu; in Node import '@tfjs-attention/backend-webgpu/node' first",
    ]);
  }
  const powerPreference = env().getBool('WEBGPU_USE_LOW_POWER_GPU')
    ? 'low-power'
    : 'high-performance';
  const adapter = await gpu.requestAdapter({ powerPreference });
  if (adapter === null) throw new UnsupportedError(op, ['navigator.gpu offers no adapter']);
  const offered: ReadonlySet<string> = adapter.features;
  const missing: string[] = [];
  const wanted = OF_TFJS.filter((name) => offered.has(name));
  for (const [wish, names] of Object.entries(FEATURES)) {
    const asked = wishes[wish as keyof FeatureWishes];
    if (asked === false) continue;
    if (names.every((name) => offered.has(name))) wanted.push(...names);
    else if (asked === true) missing.push(`${wish}: the adapter does not offer ${names.join()}`);
  }
  if (missing.length > 0) throw new UnsupportedError(op, missing);
  const device = await adapter.requestDevice({
    // Newer names than the type declarations know.
    requiredFeatures: wanted as GPUFeatureName[],
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  return { device, info: (adapter as { info?: GPUAdapterInfo }).info };
}

import { UnsupportedError } from '@tfjs-attention/core/provider';
import { DeviceState } from '../errors/device_state.js';
import { Buffers } from './buffers.js';
import { readLimits, reasonsAgainst, type FeatureChoice, type Limits } from './limits.js';
import { Pipelines } from './pipelines.js';
import { asWebGpuBackend, type TfjsWebGpu } from './tfjs_backend.js';

/** Everything of ours that lives on one tfjs backend object's GPU device. */
export class Device {
  readonly limits: Limits;
  readonly pipelines: Pipelines;
  readonly buffers: Buffers;
  readonly state: DeviceState;
  /** Dispatches recorded so far. */
  numDispatches = 0;

  private constructor(
    readonly tfjs: TfjsWebGpu,
    readonly gpu: GPUDevice,
    choice: FeatureChoice | undefined,
  ) {
    this.limits = readLimits(gpu, choice);
    this.pipelines = new Pipelines(gpu);
    this.buffers = new Buffers(tfjs);
    this.state = new DeviceState(gpu);
  }

  /** @throws DeviceError after an error or a loss of the device; UnsupportedError where it is below what WebGPU promises. */
  static of(op: string, backend: object): Device {
    const device = Device.at(op, backend);
    device.state.check(op);
    return device;
  }

  /** As `of`, in whatever state the device is. */
  static at(op: string, backend: object): Device {
    const found = devices.get(backend);
    if (found !== undefined) return found;
    const tfjs = asWebGpuBackend(backend);
    const reasons = reasonsAgainst(tfjs.device);
    if (reasons.length > 0) throw new UnsupportedError(op, reasons);
    const device = new Device(tfjs, tfjs.device, choices.get(backend));
    devices.set(backend, device);
    return device;
  }
}

const devices = new WeakMap<object, Device>();
const choices = new WeakMap<object, FeatureChoice>();

/** Keeps kernels of a backend object from features that its device has. To be called before they first run there. */
export function chooseFeatures(backend: object, choice: FeatureChoice): void {
  choices.set(backend, choice);
  devices.delete(backend);
}

/** The device of a backend object if kernels ran there. */
export function deviceIfUp(backend: object): Device | undefined {
  return devices.get(backend);
}

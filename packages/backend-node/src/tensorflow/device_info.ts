import type { Device } from './device.js';

/** What the op TfjsAttnDeviceInfo tells, by its words in `Machine::describe` of kernels/node. */
export interface DeviceInfo {
  /** Threads of TensorFlow's intra-op pool; 0 on a GPU. */
  readonly threads: number;
  readonly gpu?: {
    readonly mebibytes: number;
    readonly capability: string;
    readonly stream: {
      /** As hexadecimal digits. */
      readonly handle: string;
      /** Of cudaStreamGetFlags: 1 = does not wait for stream 0. */
      readonly flags: number;
      /** TensorFlow's compute stream, or one of this package, beside which every call waits. */
      readonly owner: 'tensorflow' | 'tfjs-attention';
    };
  };
}

/** Of the device that ops of a backend run on. */
export function deviceInfo(device: Device): DeviceInfo {
  const words = device.read('deviceInfo', 'TfjsAttnDeviceInfo', []);
  const [threads, mebibytes, major, minor, own, flags, low, high] = words;
  if (words.length === 1) return { threads };
  const hexadecimal = (word: number) => (word >>> 0).toString(16).padStart(8, '0');
  return {
    threads,
    gpu: {
      mebibytes,
      capability: `${major}.${minor}`,
      stream: {
        handle: hexadecimal(high) + hexadecimal(low),
        flags,
        owner: own === 0 ? 'tensorflow' : 'tfjs-attention',
      },
    },
  };
}

import { SetupError } from './setup_error.js';

/** A wheel to ask pip for. */
export interface WheelRequest {
  /** Name on the package index. */
  name: 'tensorflow' | 'tensorflow-cpu';
  version: string;
  /** Tags of wheels that run here, best first, as pip's `--platform` takes them. */
  platforms: readonly string[];
  /** SHA-256 that this package knows for it; undefined = the index's own word is taken, and shown. */
  sha256?: string;
  /** Bytes, where known before the download. */
  size?: number;
}

/** Tried on a processor and, the wheel with CUDA, on a GPU. */
const DEFAULT = '2.21.0';
/** First wheel with libtensorflow_cc.so.2, which exports the C API. */
const OLDEST_MINOR = 12;

/** Any CPython's wheel holds the same two libraries; these tags cover TensorFlow 2.12 to 2.21 and what follows. */
export const PYTHON_TAGS = ['3.11', '3.12', '3.13', '3.14'] as const;

/** By name, version and machine, for the CPython 3.11 wheel. */
const PINNED: Readonly<Record<string, { sha256: string; size?: number }>> = {
  'tensorflow-cpu 2.21.0 x86_64': {
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    size: 273_829_956,
  },
  'tensorflow 2.21.0 aarch64': {
    sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
  },
  'tensorflow 2.21.0 x86_64': {
    sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124',
  },
  'tensorflow 2.18.0 x86_64': {
    sha256: '70b8dd70fa3600bfce66ab529eebb804e1f9d7c863d2f71bc8fe9fc7a1ec3976',
  },
};

/**
 * The wheel for a machine.
 *
 * @throws SetupError where no wheel can serve: another system than Linux, a machine without wheels, a version before 2.12.
 */
export function chooseWheel(
  { version, gpu }: { version?: string; gpu: boolean },
  { platform, arch }: { platform: string; arch: string } = process,
): WheelRequest {
  const machine = { x64: 'x86_64', arm64: 'aarch64' }[arch];
  if (platform !== 'linux' || machine === undefined) {
    throw new SetupError(
      `setup takes Linux wheels for x64 and arm64, this is ${platform} ${arch}: ` +
        'here tfjs-node runs on what its own install script fetches (npm rebuild @tensorflow/tfjs-node)',
    );
  }
  if (gpu && machine !== 'x86_64') {
    throw new SetupError(`--gpu: TensorFlow publishes wheels with CUDA for x64 only, not ${arch}`);
  }
  const wanted = version ?? DEFAULT;
  const [major, minor] = wanted.split('.').map(Number);
  if (major !== 2 || minor < OLDEST_MINOR) {
    throw new SetupError(
      `--tensorflow ${wanted}: wheels hold the C library from 2.${OLDEST_MINOR} on, and tfjs-node wants a 2.x`,
    );
  }
  // tensorflow-cpu exists for x86-64; on arm64 the plain wheel has no CUDA.
  const name = gpu || machine !== 'x86_64' ? 'tensorflow' : 'tensorflow-cpu';
  return {
    name,
    version: wanted,
    platforms: [
      `manylinux_2_28_${machine}`,
      `manylinux_2_27_${machine}`,
      `manylinux_2_17_${machine}`,
      `manylinux2014_${machine}`,
    ],
    ...PINNED[`${name} ${wanted} ${machine}`],
  };
}

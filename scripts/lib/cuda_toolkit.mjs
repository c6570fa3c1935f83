import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.mjs';
import { mustRun } from './run.mjs';
import { step } from './steps.mjs';

/** NVIDIA's compiler and disassembler as Python wheels: no GPU, driver or system package is needed. */
const WHEELS = [
  'nvidia-cuda-nvcc==13.0.88',
  'nvidia-cuda-crt==13.0.88',
  'nvidia-nvvm==13.0.88',
  'nvidia-cuda-runtime==13.0.96',
  'nvidia-cuda-cccl==13.0.85',
  'nvidia-cuda-cuobjdump==13.2.86',
  'nvidia-cuda-nvdisasm==13.2.86',
];
const HOME = join(root, 'node_modules/.cuda-13.0');
const TOOLKIT = join(HOME, 'nvidia/cu13');

/** Paths of nvcc, cuobjdump and the folder of the runtime's library; installed where they are missing. */
export async function cudaToolkit() {
  if (!existsSync(join(TOOLKIT, 'bin/nvdisasm'))) {
    await step('CUDA compiler', async () => {
      const options = ['--quiet', '--no-deps', '--disable-pip-version-check', '--target', HOME];
      await mustRun('python3', ['-m', 'pip', 'install', ...options, ...WHEELS], { stdout: 'pipe' });
      return true;
    });
  }
  return {
    nvcc: join(TOOLKIT, 'bin/nvcc'),
    cuobjdump: join(TOOLKIT, 'bin/cuobjdump'),
    lib: join(TOOLKIT, 'lib'),
  };
}

// Runs jest with the flags that it needs: `node scripts/jest.mjs [jest options] [files]`.
import { join } from 'node:path';
import { root } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { jestFlags } from './lib/node_flags.mjs';
import { webGpuEnvironment } from './lib/webgpu/drivers.mjs';

const jest = join(root, 'node_modules/jest/bin/jest.js');
const { code } = await run(process.execPath, [...jestFlags, jest, ...process.argv.slice(2)], {
  stdout: 'inherit',
  env: webGpuEnvironment(),
});
process.exitCode = code;

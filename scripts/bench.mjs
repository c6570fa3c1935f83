// `npm run bench -- [options]`: set-up where it is missing, then the benchmarks; those of GPUs are programs of their own.
import { join } from 'node:path';
import { launch } from './lib/launch.mjs';
import { main } from './lib/main.mjs';
import { root } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';
import { webGpuEnvironment } from './lib/webgpu/drivers.mjs';

const args = process.argv.slice(2);
const uses = (name) =>
  args.some(
    (arg, i) => arg === `--backend=${name}` || (arg === '--backend' && args[i + 1] === name),
  );
const gpu = ['webgl', 'webgpu'].find(uses);

if (gpu !== undefined) {
  await main(async () => {
    await setUp({ packages: false });
    const { buildWebGlBench, buildWebGpuBench } = await import('./lib/bench_gpu.mjs');
    const build = { webgl: buildWebGlBench, webgpu: buildWebGpuBench }[gpu];
    const program = await build(join(root, 'packages/bench/dist', gpu));
    const { code } = await run(process.execPath, [program, ...args], {
      cwd: process.env.INIT_CWD ?? process.cwd(),
      stdout: 'inherit',
      env: gpu === 'webgpu' ? webGpuEnvironment() : {},
    });
    process.exitCode = code;
  });
} else {
  await launch('packages/bench/dist/bench.js');
}

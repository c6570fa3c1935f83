// `npm run bench -- [options]`: set-up where it is missing, then the benchmarks; those of WebGL in a page of their own.
import { join } from 'node:path';
import { launch } from './lib/launch.mjs';
import { main } from './lib/main.mjs';
import { root } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

const args = process.argv.slice(2);
const usesWebGl = args.some(
  (arg, i) => arg === '--backend=webgl' || (arg === '--backend' && args[i + 1] === 'webgl'),
);

if (usesWebGl) {
  await main(async () => {
    await setUp({ packages: false });
    const { buildWebGlBench } = await import('./lib/bench_webgl.mjs');
    const program = await buildWebGlBench(join(root, 'packages/bench/dist/webgl'));
    const { code } = await run(process.execPath, [program, ...args], {
      cwd: process.env.INIT_CWD ?? process.cwd(),
      stdout: 'inherit',
    });
    process.exitCode = code;
  });
} else {
  await launch('packages/bench/dist/bench.js');
}

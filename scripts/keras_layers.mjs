// `npm run keras-layers`: set-up where it is missing, then examples/keras_layers.
import { main } from './lib/main.mjs';
import { root } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

await main(async () => {
  await setUp({ packages: false });
  const program = ['scripts/run_ts.mjs', 'examples/keras_layers/src/main.ts'];
  const { code } = await run(process.execPath, program, { cwd: root, stdout: 'inherit' });
  process.exitCode = code;
});

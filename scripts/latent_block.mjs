// `npm run latent-block`: set-up where it is missing, then examples/latent_block.
import { main } from './lib/main.mjs';
import { root } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

await main(async () => {
  await setUp({ packages: false });
  const program = ['scripts/run_ts.mjs', 'examples/latent_block/src/main.ts'];
  const { code } = await run(process.execPath, program, { cwd: root, stdout: 'inherit' });
  process.exitCode = code;
});

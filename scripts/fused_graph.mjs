// `npm run fused-graph`: set-up where it is missing, then examples/fused_graph.
import { main } from './lib/main.mjs';
import { root } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

await main(async () => {
  await setUp({ packages: false });
  const program = ['scripts/run_ts.mjs', 'examples/fused_graph/src/main.ts'];
  const { code } = await run(process.execPath, [...program, 'packages/converter/fixtures/bert'], {
    cwd: root,
    stdout: 'inherit',
  });
  process.exitCode = code;
});

// `npm run web -- [--port N] [--model DIR]`: bundles the page of examples/web and serves it on loopback.
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { main } from './lib/main.mjs';
import { root } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

await main(async () => {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '0' }, model: { type: 'string' } },
  });
  if (!/^\d+$/.test(values.port) || Number(values.port) > 65535) {
    throw new Error(`--port must be a number from 0 (any free one) to 65535, got '${values.port}'`);
  }
  await setUp({ packages: false });
  const { bundleForNode } = await import('./lib/bundle.mjs');
  const { buildWeb, exampleModel, tfjsWasmFolder } = await import('./lib/web.mjs');
  const model =
    values.model === undefined
      ? exampleModel
      : resolve(process.env.INIT_CWD ?? process.cwd(), values.model);
  const dist = join(root, 'examples/web/dist');
  await buildWeb(join(dist, 'page'), model);
  const program = join(dist, 'serve.mjs');
  await bundleForNode(join(root, 'examples/web/src/serve/main.ts'), program);
  const folders = [join(dist, 'page'), model, tfjsWasmFolder];
  const { code } = await run(process.execPath, [program, ...folders, values.port], {
    stdout: 'inherit',
  });
  process.exitCode = code;
});

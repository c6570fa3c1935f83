import { main } from './main.mjs';
import { wasmFlags } from './node_flags.mjs';
import { sayWhatIsAbsent } from './optional.mjs';
import { root } from './root.mjs';
import { run } from './run.mjs';
import { setUp } from './setup.mjs';
import { webGpuEnvironment } from './webgpu/drivers.mjs';

/** Runs a built program with the command line's arguments, in the folder that npm was called from. */
export function launch(program) {
  return main(async () => {
    await setUp(asksFor('tensorflow') ? { tensorflow: 'needed' } : {});
    sayWhatIsAbsent();
    const { code } = await run(
      process.execPath,
      [...wasmFlags, `${root}/${program}`, ...process.argv.slice(2)],
      {
        cwd: process.env.INIT_CWD ?? process.cwd(),
        stdout: 'inherit',
        env: asksFor('webgpu') ? webGpuEnvironment() : {},
      },
    );
    process.exitCode = code;
  });
}

/** Whether `--backend` names it. */
const asksFor = (backend, args = process.argv) =>
  args.some(
    (arg, i) => arg === `--backend=${backend}` || (arg === '--backend' && args[i + 1] === backend),
  );

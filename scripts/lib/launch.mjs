import { main } from './main.mjs';
import { wasmFlags } from './node_flags.mjs';
import { sayWhatIsAbsent } from './optional.mjs';
import { root } from './root.mjs';
import { run } from './run.mjs';
import { setUp } from './setup.mjs';

/** Runs a built program with the command line's arguments, in the folder that npm was called from. */
export function launch(program) {
  return main(async () => {
    await setUp();
    sayWhatIsAbsent();
    const { code } = await run(
      process.execPath,
      [...wasmFlags, `${root}/${program}`, ...process.argv.slice(2)],
      { cwd: process.env.INIT_CWD ?? process.cwd(), stdout: 'inherit' },
    );
    process.exitCode = code;
  });
}

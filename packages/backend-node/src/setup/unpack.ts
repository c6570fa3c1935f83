import { SetupError } from './setup_error.js';
import { complaint, type Shell } from './shell.js';

/** Reads `[wheel, target]` as arguments, takes the two libraries and the C headers out, names each library it wrote. */
const UNPACK = `
import os, shutil, sys, zipfile
wheel, target = sys.argv[1:]
HEADERS = ('tensorflow/c/', 'tensorflow/core/platform/', 'tsl/platform/', 'tsl/c/', 'xla/tsl/c/')
LIBRARIES = ('libtensorflow_cc.so.2', 'libtensorflow_framework.so.2')
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        name = entry.filename
        if entry.is_dir() or not name.startswith('tensorflow/'):
            continue
        inner = name[len('tensorflow/'):]
        if inner in LIBRARIES:
            path = 'lib/' + inner
            print(inner)
        elif inner.startswith(tuple('include/' + header for header in HEADERS)) and inner.endswith('.h'):
            path = inner
        else:
            continue
        path = os.path.join(target, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(entry) as source, open(path, 'wb') as out:
            shutil.copyfileobj(source, out, 1 << 20)
`;

/** The libraries of every wheel that setup takes, in the order of the linker's line. */
export const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const;

/**
 * Lays `lib/` and `include/` of a wheel into `target`; the rest of it, Python and all, stays out.
 *
 * @throws SetupError where the wheel lacks a library or the disk is full.
 */
export async function unpackWheel(
  shell: Shell,
  python: string,
  wheel: string,
  target: string,
): Promise<void> {
  const result = await shell(python, ['-', wheel, target], { input: UNPACK });
  if (result.code !== 0) throw new SetupError(`${wheel} does not unpack:\n${complaint(result)}`);
  const found = result.stdout.split('\n');
  const missing = LIBRARIES.filter((library) => !found.includes(library));
  if (missing.length > 0) throw new SetupError(`${wheel} holds no ${missing.join(' and no ')}`);
}

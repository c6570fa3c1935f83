import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './setup_error.js';
import { complaint, type Shell } from './shell.js';
import type { Tools } from './tools.js';
import { LIBRARIES } from './unpack.js';

/** Highest Node-API version that tfjs-node 4.22 looks for, in a folder of that name. */
const NODE_API = 8;

/**
 * Compiles tfjs-node's binding, as it was published, against `deps` of its own folder. The result finds the libraries
 * relative to itself, so node_modules may move.
 *
 * @throws SetupError with the compiler's words.
 */
export async function compileBinding(
  shell: Shell,
  { compiler, nodeHeaders }: Tools,
  tfjsNode: string,
): Promise<void> {
  const folder = `lib/napi-v${NODE_API}`;
  mkdirSync(join(tfjsNode, folder), { recursive: true });
  const result = await shell(
    compiler,
    [
      ...['-std=c++17', '-O2', '-fPIC', '-shared', `-DNAPI_VERSION=${NODE_API}`],
      // Newer compilers no longer bring it in by themselves.
      ...['-include', 'cstdint'],
      ...['-I.', `-I${nodeHeaders}`, '-Ideps/include'],
      ...['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc'],
      ...['-o', `${folder}/tfjs_binding.node`, '-Ldeps/lib'],
      ...LIBRARIES.map((library) => `-l:${library}`),
      '-Wl,-rpath,$ORIGIN/../../deps/lib',
    ],
    { cwd: tfjsNode },
  );
  if (result.code !== 0) {
    throw new SetupError(`tfjs-node's binding does not compile:\n${complaint(result)}`);
  }
}

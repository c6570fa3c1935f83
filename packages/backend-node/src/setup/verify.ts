import { SetupError } from './setup_error.js';
import { complaint, type Shell } from './shell.js';
import type { TfjsNode } from './tfjs_node.js';

/** What a fresh process reports after it ran an op. */
export interface Verified {
  /** TensorFlow's own word for its version. */
  version: string;
  /** Whether TensorFlow found a GPU. */
  gpu: boolean;
}

/** A product whose value is exact in float32. */
const PROGRAM = `
const tf = require(process.argv[1]);
const product = tf.matMul(tf.tensor2d([[1, 2, 3], [4, 5, 6]]), tf.tensor2d([[1, 2], [3, 4], [5, 6]]));
const { binding, isUsingGpuDevice } = tf.backend();
const report = { values: [...product.dataSync()], version: binding.TF_Version, gpu: isUsingGpuDevice === true };
process.stdout.write('\\n' + JSON.stringify(report) + '\\n');
`;
const EXPECTED = [22, 28, 49, 64];

/**
 * Loads tfjs-node in a process of its own and multiplies two matrices.
 *
 * @throws SetupError where it does not load, computes something else, or is another TensorFlow than `version`.
 */
export async function verify(shell: Shell, tfjsNode: TfjsNode, version: string): Promise<Verified> {
  const result = await shell(process.execPath, ['-e', PROGRAM, tfjsNode.folder], {
    cwd: tfjsNode.folder,
    env: { TF_CPP_MIN_LOG_LEVEL: '2' },
  });
  const failed = (why: string) => new SetupError(`${tfjsNode.name} was built, but ${why}`);
  if (result.code !== 0) throw failed(`does not run:\n${complaint(result)}`);
  const report = JSON.parse(result.stdout.trim().split('\n').at(-1) ?? '') as Verified & {
    values: number[];
  };
  if (report.values.join() !== EXPECTED.join()) {
    throw failed(`multiplies wrongly: ${report.values.join()} instead of ${EXPECTED.join()}`);
  }
  if (report.version !== version) {
    throw failed(`runs on TensorFlow ${report.version} instead of ${version}`);
  }
  return { version: report.version, gpu: report.gpu };
}

/** Those of `libraries` that the loader does not find. */
export async function missingLibraries(
  shell: Shell,
  python: string,
  libraries: readonly string[],
): Promise<string[]> {
  const program = `
import ctypes, sys
for name in sys.argv[1:]:
    try: ctypes.CDLL(name)
    except OSError: print(name)
`;
  const { stdout } = await shell(python, ['-', ...libraries], { input: program });
  return stdout.split('\n').filter((name) => libraries.includes(name));
}

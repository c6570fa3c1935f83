import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { SetupError } from './setup_error.js';

/** What `tfjs-attention-node setup` was asked for, every default settled. */
export interface SetupOptions {
  /** TensorFlow version, such as '2.21.0'; undefined = the one that this package has been tried with. */
  version?: string;
  /** Take the wheel with CUDA kernels, and `@tensorflow/tfjs-node-gpu`. */
  gpu: boolean;
  /** Folder of the project whose tfjs-node is set up. */
  project: string;
  /** Folder that keeps the downloaded wheel for the next time. */
  cache: string;
  /** Say what would happen, fetch nothing. */
  dryRun: boolean;
  /** Do it again where it has been done. */
  force: boolean;
}

export const USAGE = `Usage: tfjs-attention-node setup [options]

Gives @tensorflow/tfjs-node a newer TensorFlow: fetches the TensorFlow wheel through pip,
unpacks its two libraries, compiles tfjs-node's own binding against them and runs an op.

  --tensorflow <version>  TensorFlow 2.12 or newer (default: the one tried with this package)
  --gpu                   the wheel with CUDA kernels, for @tensorflow/tfjs-node-gpu
  --project <folder>      whose node_modules to set up (default: the current folder)
  --cache <folder>        where the wheel is kept (default: TFJS_ATTENTION_CACHE, else
                          tfjs-attention in the user's cache folder)
  --dry-run               show what would be fetched and done
  --force                 do it again even if it is done
  --help                  show this

Needs Linux, Python 3 with pip 22.2 or newer (PYTHON names another), and a C++17 compiler
(CXX names another). pip's own settings (index, proxy, certificates) apply.
`;

/**
 * Reads the command line, without `node` and the script; undefined where help was asked for.
 *
 * @throws SetupError at an unknown command or option, or at a version that is not of the form 2.21.0.
 */
export function readOptions(
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): SetupOptions | undefined {
  const { values, positionals } = parse(args);
  if (values.help === true || args.length === 0) return undefined;
  if (positionals.length !== 1 || positionals[0] !== 'setup') {
    throw new SetupError(
      `'${positionals.join(' ')}' is no command; there is one: setup (see --help)`,
    );
  }
  const version = values.tensorflow;
  if (version !== undefined && !/^\d+\.\d+\.\d+$/.test(version)) {
    throw new SetupError(`--tensorflow '${version}' is no version; one looks like 2.21.0`);
  }
  return {
    version,
    gpu: values.gpu ?? false,
    project: resolve(values.project ?? '.'),
    cache: resolve(values.cache ?? defaultCache(environment)),
    dryRun: values['dry-run'] ?? false,
    force: values.force ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        tensorflow: { type: 'string' },
        gpu: { type: 'boolean' },
        project: { type: 'string' },
        cache: { type: 'string' },
        'dry-run': { type: 'boolean' },
        force: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new SetupError(`${(error as Error).message} (see --help)`);
  }
}

/** An empty variable counts as unset, as the XDG rules have it. */
function defaultCache(environment: NodeJS.ProcessEnv): string {
  const { TFJS_ATTENTION_CACHE: own, XDG_CACHE_HOME: shared } = environment;
  if (own) return own;
  return join(shared ? shared : join(homedir(), '.cache'), 'tfjs-attention');
}

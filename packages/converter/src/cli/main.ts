import { parseArgs } from 'node:util';
import { fuseModelFile } from './fuse_model_file.js';

/** What the program around the command line lends it; tests lend their own. */
export interface CliSurroundings {
  print: (text: string) => void;
  complain: (text: string) => void;
  /** Loads a tfjs backend, and kernels for it, before models are run (`--verify`). */
  bringUpBackend: () => Promise<void>;
}

const USAGE = `usage: tfjs-attention fuse MODEL.json OUT [--verify] [--prefer auto|fused|stock]

  Replaces attention in a TensorFlow.js graph model by one fused op each and writes the model into the folder OUT,
  weights beside it. Prints what was fused, and what was skipped with the reason. Before loading the result call
  registerFusedAttention() of @tfjs-attention/converter.

  --verify   run the model with and without each fusion on random inputs; undo a fusion whose outputs differ
  --prefer   auto (default): the faster way is taken where the model runs; fused, stock: always that one`;

/** Runs the command line `tfjs-attention`; returns the exit status: 0, 1 for a failure, 2 for a wrong call. */
export async function main(args: readonly string[], around: CliSurroundings): Promise<0 | 1 | 2> {
  let call: ReturnType<typeof readCall>;
  try {
    call = readCall(args);
  } catch (error) {
    around.complain(`${messageOf(error)}\n\n${USAGE}`);
    return 2;
  }
  if (call === 'help') {
    around.print(USAGE);
    return 0;
  }
  try {
    around.print(await fuseModelFile(call, around));
    return 0;
  } catch (error) {
    around.complain(messageOf(error));
    return 1;
  }
}

function readCall(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      verify: { type: 'boolean', default: false },
      prefer: { type: 'string', default: 'auto' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const [command, model, out, ...more] = positionals;
  if (command !== 'fuse') throw new Error(`unknown command '${command ?? ''}'`);
  if (model === undefined || out === undefined || more.length > 0) {
    throw new Error('fuse takes a model.json and a folder to write into');
  }
  const { prefer, verify } = values;
  if (prefer !== 'auto' && prefer !== 'fused' && prefer !== 'stock') {
    throw new Error(`--prefer must be auto, fused or stock, got '${prefer}'`);
  }
  return { model, out, prefer, verify } as const;
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

// tfjs-node and our machine code under it: optional, so nothing here is loaded before it is asked for.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** What kernels/node/ceiling.h offers: does work of a kind on so many threads and gives the flops or bytes done. */
export interface NativeCeiling {
  readonly ceiling: (kind: 0 | 1 | 2, work: number, threads: number) => number;
  readonly instructionSet: () => string;
}

/** Rounds of multiply-adds in registers, rounds of a register tile, bytes read. */
export const CEILING_KINDS = { madd: 0, tile: 1, read: 2 } as const;

let addon: NativeCeiling | undefined;

/**
 * Brings the tfjs backend 'tensorflow' up, TensorFlow's own ops and ours on `threads` threads.
 *
 * @throws where tfjs-node or the addon is missing.
 */
export async function startTensorFlow(threads: number): Promise<void> {
  if (addon !== undefined) return;
  // Read once, by the first op that TensorFlow runs.
  process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  process.env.TF_NUM_INTEROP_THREADS = '1';
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  await import('@tensorflow/tfjs-node');
  const { setThreads } = await import('@tfjs-attention/backend-node');
  setThreads(threads);
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@tfjs-attention/backend-node/package.json'));
  addon = require(join(folder, 'build/tfjs_attention.node')) as NativeCeiling;
}

/** Where {@link startTensorFlow} has been. */
export const nativeCeiling = (): NativeCeiling | undefined => addon;

import { CEILING_KINDS, type NativeCeiling } from './contenders/native.js';
import type { Ceiling } from './ceiling.js';

const ROUNDS = 500_000;
/** Largest buffer, past every cache of a processor. */
const MOST_BYTES = 512 * 2 ** 20;

/** What `threads` cores can do at most with the instructions that the machine code uses. */
export function nativeCeilingOf({ ceiling }: NativeCeiling, threads: number): Ceiling {
  const runOf = (kind: keyof typeof CEILING_KINDS, work: number) => {
    const run = () => void ceiling(CEILING_KINDS[kind], work, threads);
    return { run, work: ceiling(CEILING_KINDS[kind], work, threads) };
  };
  return {
    compute: [runOf('madd', ROUNDS), runOf('tile', ROUNDS)],
    read: (bytes) => runOf('read', Math.min(MOST_BYTES, bytes)),
  };
}

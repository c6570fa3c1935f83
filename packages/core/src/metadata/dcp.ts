import { checkInt } from '../problem/checks.js';

const OP = 'getDcpLocalSeqLens';

/**
 * Keys that a rank holds when positions are dealt in turn to N ranks, `interleave` at a time: position t belongs to rank
 * floor(t / interleave) mod N (vLLM `get_dcp_local_seq_lens`).
 *
 * ```js
 * getDcpLocalSeqLens(Int32Array.of(5, 4), 2, 0);  // [3, 2]
 * ```
 *
 * @returns `[B]` for one rank; with `dcpRank` null `[B, N]` flat, for all
 */
export function getDcpLocalSeqLens(
  seqLens: Int32Array,
  dcpSize = 1,
  dcpRank: number | null = null,
  interleave = 1,
): Int32Array {
  checkInt(dcpSize, OP, 'dcpSize', 1);
  checkInt(interleave, OP, 'interleave', 1);
  if (dcpRank !== null) checkInt(dcpRank, OP, 'dcpRank', 0, dcpSize - 1);
  const ranks = dcpRank === null ? Array.from({ length: dcpSize }, (_, rank) => rank) : [dcpRank];
  const local = new Int32Array(seqLens.length * ranks.length);
  seqLens.forEach((length, r) => {
    checkInt(length, OP, `seqLens[${r}]`, 0);
    const base = Math.floor(length / (dcpSize * interleave)) * interleave;
    ranks.forEach((rank, i) => {
      const rest = length - base * dcpSize - rank * interleave;
      local[r * ranks.length + i] = base + Math.min(Math.max(rest, 0), interleave);
    });
  });
  return local;
}

import { decode, prefill, type Cell } from '../grid.js';

/** A verified cell may take long on software drivers. */
const PATIENCE = 60_000;
const MHA = [16, 16] as const;
const GQA = [32, 8] as const;

/** Every cell of a complete run on a GPU. */
export function fullWebGpuGrid(): Cell[] {
  const lengths = [512, 1024, 2048, 4096, 8192];
  return [
    ...lengths.flatMap((length) => [
      prefill('full', length, 64, PATIENCE, MHA),
      prefill('full', length, 128, PATIENCE, MHA),
      prefill('gqa', length, 128, PATIENCE, GQA),
    ]),
    ...[1024, 4096, 16384, 32768].flatMap((length) => [
      decode(length, [...GQA, 128], PATIENCE),
      decode(length, [8, 8, 64], PATIENCE),
    ]),
  ];
}

/** A sample that software drivers end in a minute or two. */
export function quickWebGpuGrid(): Cell[] {
  return [
    prefill('full', 256, 64, PATIENCE, [8, 8]),
    prefill('causal', 256, 64, PATIENCE, [8, 8]),
    decode(1024, [8, 8, 64], PATIENCE),
  ];
}

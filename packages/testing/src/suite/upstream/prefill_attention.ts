import { pagedSpec, type PagedCase } from '../paged_case.js';
import type { Spec } from '../subject.js';
import { pairwise, titleOf } from './grid.js';
import { batchOf, shrinkLength, type Lengths } from './lengths.js';

const TEST = 'test_triton_prefill_attention';

const LENGTHS = [1024, 517, 33, 800, 1];

/** Keys to the left and to the right of a query; 0 is vLLM's "no limit". */
const AXES = {
  heads: [[32, 32], [32, 8]],
  causal: [true, false],
  window: [undefined, [32, 32], [32, 0], [0, 32]],
} as const; // prettier-ignore

function prefillCases(full: boolean): PagedCase[] {
  const by = full ? 1 : 16;
  const lengths = LENGTHS.map((length) => shrinkLength(length, by));
  return pairwise(AXES).map((point) => {
    const [left, right] = point.window ?? [0, 0];
    return {
      name: titleOf(TEST, full ? 'original size' : 'lengths / 16, heads / 8', AXES, point),
      queryLens: lengths,
      seqLens: lengths,
      heads: full ? point.heads : [point.heads[0] / 8, point.heads[1] / 8],
      size: full ? [128, 128] : [40, 40],
      blockSize: 16,
      features: {
        causal: point.causal,
        ...(left > 0 && { windowLeft: shrinkLength(left, full ? 1 : 8) }),
        ...(right > 0 && { windowRight: shrinkLength(right, full ? 1 : 8) }),
      },
      ...(full && { judgedTokens: 4 }),
    };
  });
}

const MIXED: Lengths = [[1, 128], [5, 64], [1, 256], [40, 40]]; // prettier-ignore

/** vLLM's `test_mixed_causal_attn.py`, and a sequence that is all new. */
function mixedCases(): PagedCase[] {
  const flags = [
    [true, false, true, false],
    [false, true, false, true],
    [false, false, true, true],
  ];
  return flags.flatMap((causalSeqs): PagedCase[] =>
    [undefined, 16].map((slidingWindow) => ({
      name: `upstream test_mixed_causal_attn: causal ${causalSeqs.join('/')}, window ${slidingWindow ?? 'none'}`,
      ...batchOf(MIXED),
      heads: [4, 2],
      size: [64, 64],
      blockSize: 16,
      features: { causalSeqs, ...(slidingWindow !== undefined && { slidingWindow }) },
    })),
  );
}

/** vLLM's `test_triton_prefill_attention.py` and `test_mixed_causal_attn.py`. */
export function prefillAttention(full: boolean): Spec[] {
  const original = full ? prefillCases(true) : [];
  return [...prefillCases(false), ...original, ...mixedCases()].map(pagedSpec);
}

import { pagedSpec, type PagedCase } from '../paged_case.js';
import type { Spec } from '../subject.js';

interface BatchSpec {
  readonly seqLens: readonly number[];
  readonly queryLens: readonly number[];
}

const times = (count: number, values: readonly number[]) =>
  Array.from({ length: count }, () => values).flat();

const SMALL: Readonly<Record<string, BatchSpec>> = {
  small_decode: { seqLens: [32, 40], queryLens: [1, 1] },
  small_prefill: { seqLens: [32, 40], queryLens: [8, 8] },
  mixed_small: { seqLens: [32, 40, 48, 56], queryLens: [1, 1, 5, 5] },
  single_decode: { seqLens: [1024], queryLens: [1] },
};

const MEDIUM: Readonly<Record<string, BatchSpec>> = {
  medium_decode: { seqLens: times(2, [128, 256, 512, 1024]), queryLens: times(8, [1]) },
  medium_prefill: { seqLens: [256, 512, 1024, 2048], queryLens: times(4, [16]) },
  mixed_medium: { seqLens: times(2, [512, 1024, 2048]), queryLens: [1, 1, 1, 7, 7, 7] },
  single_prefill: { seqLens: [1024], queryLens: [64] },
};

const LARGE: Readonly<Record<string, BatchSpec>> = {
  large_decode: { seqLens: times(32, [2048]), queryLens: times(32, [1]) },
  large_prefill: { seqLens: times(8, [4096]), queryLens: times(8, [32]) },
};

/** Each batch with a window and without, over physical blocks in random order. */
function cases(
  specs: Readonly<Record<string, BatchSpec>>,
  heads: readonly [number, number],
  size: number,
): PagedCase[] {
  return Object.entries(specs).flatMap(([name, batch]): PagedCase[] => {
    const shape = { ...batch, heads, size: [size, size] as const, blockSize: 16 };
    const title = `upstream test_attention_backends: ${name}, heads ${heads.join('/')}, size ${size}`;
    return [
      { name: title, ...shape },
      { name: `${title}, window 24`, ...shape, features: { slidingWindow: 24 } },
    ];
  });
}

/** vLLM's `tests/v1/attention/test_attention_backends.py`: its batch specs, with a quarter of Llama 3's heads or fewer. */
export function attentionBackends(full: boolean): Spec[] {
  const all = [
    ...cases(SMALL, [8, 2], 128),
    ...cases(MEDIUM, [2, 1], 16),
    ...(full
      ? [...cases({ ...SMALL, ...MEDIUM }, [32, 8], 128), ...cases(LARGE, [8, 2], 128)].map(
          (c): PagedCase => ({ ...c, judgedTokens: 4 }),
        )
      : []),
  ];
  return all.map(pagedSpec);
}

import { pagedSpec, type PagedCase } from '../paged_case.js';
import { randomFrom } from '../random.js';
import type { Spec } from '../subject.js';
import { pairwise, titleOf } from './grid.js';
import { batchOf, type Lengths } from './lengths.js';

const TEST = 'test_prefix_prefill';

const DTYPES = ['float32', 'float16', 'fp8_e4m3', 'fp8_e5m2'] as const;

const AXES = {
  queriesPerKv: [1, 64],
  size: [24, 128],
  window: [0, 16, 2048],
  dtype: DTYPES,
} as const;

const ALIBI_AXES = { queriesPerKv: [1, 64], size: [24, 128], dtype: DTYPES } as const;

interface Scale {
  readonly what: string;
  readonly requests: number;
  /** New tokens and context of a request: from `least` to `most`. */
  readonly least: number;
  readonly most: number;
  readonly blockSize: number;
  /** Query heads where each has a KV head of its own. */
  readonly heads: number;
  readonly judgedTokens?: number;
}

const HERE: Scale = { what: '', requests: 4, least: 1, most: 12, blockSize: 8, heads: 4 };
const ORIGINAL: Scale = {
  what: 'original lengths',
  requests: 10,
  least: 16,
  most: 1024,
  blockSize: 32,
  heads: 64,
  judgedTokens: 2,
};

/** Contexts of random length, each with new tokens of random length; the last request decodes. */
function lengthsOf({ requests, least, most }: Scale, seed: string): Lengths {
  const random = randomFrom(seed);
  const draw = () => least + Math.floor(random() * (most - least + 1));
  return Array.from({ length: requests }, (_, b) => {
    const queryLen = b === requests - 1 ? 1 : draw();
    return [queryLen, queryLen + draw()];
  });
}

function caseOf(
  scale: Scale,
  name: string,
  queriesPerKv: 1 | 64,
  size: number,
): Omit<PagedCase, 'features'> {
  return {
    name,
    ...batchOf(lengthsOf(scale, name)),
    heads: queriesPerKv === 1 ? [scale.heads, scale.heads] : [64, 1],
    size: [size, size],
    blockSize: scale.blockSize,
    ...(scale.judgedTokens !== undefined && { judgedTokens: scale.judgedTokens }),
  };
}

/** Window 16 is kept at every scale: the contexts are longer than it. 0 is vLLM's "off". */
function cases(scale: Scale): PagedCase[] {
  const windows = pairwise(AXES).map((point): PagedCase => {
    const name = titleOf(TEST, scale.what, AXES, point);
    return {
      ...caseOf(scale, name, point.queriesPerKv, point.size),
      dtype: point.dtype,
      features: point.window === 0 ? {} : { slidingWindow: point.window },
    };
  });
  const slopes = pairwise(ALIBI_AXES).map((point): PagedCase => {
    const what = ['ALiBi', scale.what].filter(Boolean).join(', ');
    const name = titleOf(TEST, what, ALIBI_AXES, point);
    return {
      ...caseOf(scale, name, point.queriesPerKv, point.size),
      dtype: point.dtype,
      features: { alibi: true },
    };
  });
  return [...windows, ...slopes];
}

/**
 * vLLM's `test_prefix_prefill.py`: new tokens after a cached context. Values are standard normal: upstream's of at most
 * 1e-3 give nearly uniform weights, which hide a wrong scale or mask.
 */
export function prefixPrefill(full: boolean): Spec[] {
  return [...cases(HERE), ...(full ? cases(ORIGINAL) : [])].map(pagedSpec);
}

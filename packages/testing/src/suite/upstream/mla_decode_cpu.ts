import { pagedSpec, type PagedCase } from '../paged_case.js';
import type { Spec } from '../subject.js';

const DTYPES = ['float32', 'float16', 'bfloat16', 'fp8_e4m3'] as const;

/**
 * vLLM's `test_mla_decode_cpu.py`: 16 heads on one, keys of 576 and values of 512, and NaN in every cache slot behind a
 * sequence's end (`pagedSpec` fills the cache with it). Sequences end on, before and behind a block's edge.
 */
export function mlaDecodeCpu(full: boolean): Spec[] {
  return DTYPES.map((dtype): Spec => {
    const c: PagedCase = {
      name: `upstream test_mla_decode_cpu: NaN behind the sequence end, dtype ${dtype}`,
      queryLens: [1, 1, 1, 1],
      seqLens: full ? [256, 1, 200, 300] : [64, 1, 47, 17],
      heads: [16, 1],
      size: [576, 512],
      dtype,
      blockSize: 16,
    };
    return pagedSpec(c);
  });
}

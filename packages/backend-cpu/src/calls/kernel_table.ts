import type { AttentionKernelTable } from '@tfjs-attention/core/provider';
import { storageAt } from '../kv_storage.js';
import { homeOf, siteOf } from '../runtime.js';
import type { StockBackend } from '../tensors/tfjs_backends.js';
import { attention } from './attention.js';
import { backward } from './backward.js';
import { gatherCache, reshapeAndCache } from './cache.js';
import { convertFp8 } from './convert_fp8.js';
import { mergeStates } from './merge_states.js';

/** The kernels of a stock backend, as tfjs registers them. They find memory and code when they first run. */
export function kernelTable(stock: StockBackend): AttentionKernelTable<object> {
  const at = (backend: object) => siteOf(homeOf(stock, backend));
  return {
    TfjsAttnPrefill: ({ inputs, attrs, backend }) => attention(at(backend), attrs.problem, inputs),
    TfjsAttnBackward: ({ inputs, attrs, backend }) =>
      backward(at(backend), attrs.problem, inputs, attrs.wants),
    TfjsAttnPaged({ inputs, attrs: { problem, storage }, backend }) {
      const site = at(backend);
      return attention(site, problem, inputs, storageAt(problem.op, storage, site));
    },
    TfjsAttnReshapeAndCache({ inputs, attrs: { plan, storage }, backend }) {
      const site = at(backend);
      return reshapeAndCache(site, inputs, plan, storageAt('reshapeAndCache', storage, site));
    },
    TfjsAttnGatherCache({ attrs: { slots, storage }, backend }) {
      const site = at(backend);
      return gatherCache(site, slots, storageAt('gatherCache', storage, site));
    },
    TfjsAttnMergeStates: ({ inputs, backend }) => mergeStates(at(backend), inputs),
    TfjsAttnConvertFp8: ({ inputs, attrs, backend }) => convertFp8(at(backend), inputs.x, attrs),
  };
}

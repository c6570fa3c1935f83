import { cast, logicalAnd, reshape, slice, type Tensor } from '@tensorflow/tfjs-core';
import { InvalidArgumentError } from '@tfjs-attention/core';
import type { AttentionAxes, Shaped } from './axes.js';

/** Masks of one call, as they came. */
export interface Masks {
  /** `[B, T]` */
  queryMask: Tensor | null;
  /** `[B, S]`, merged by `and`. */
  valueMask: Tensor | null;
  keyMask: Tensor | null;
  /** Broadcasts to the scores. */
  attentionMask: Tensor | null;
}

/** Which keys each query sees. */
export interface Visibility {
  causal: boolean;
  slidingWindow: number | null;
  /** bool `[B or 1, N or 1, T or 1, S]` */
  mask: Tensor | null;
  /** bool `[B, T]`: rows of a masked query see nothing. Kept apart, so that a mask of keys stays `[B, 1, 1, S]`. */
  rows: Tensor | null;
}

/** Merges the masks of a call; `query` and `key` are the inputs before projection. */
export function visibility(
  op: string,
  axes: AttentionAxes,
  query: Shaped,
  key: Shaped,
  { queryMask, valueMask, keyMask, attentionMask }: Masks,
  band: Pick<Visibility, 'causal' | 'slidingWindow'>,
): Visibility {
  const banded = band.causal || band.slidingWindow !== null;
  if (axes.attended.length > 1 && (banded || queryMask || valueMask || keyMask)) {
    throw new InvalidArgumentError(
      `${op}: useCausalMask, slidingWindow and masks of query, value or key need one attended axis, got ` +
        `attentionAxes [${axes.attended.join(', ')}]; give an attentionMask`,
    );
  }
  const [attended] = axes.attended;
  const keys = [
    ...(attentionMask ? [axes.packMask(attentionMask, query, key)] : []),
    ...(valueMask ? [keysOf('valueMask', valueMask)] : []),
    ...(keyMask && keyMask !== valueMask ? [keysOf('keyMask', keyMask)] : []),
  ];
  return {
    ...band,
    mask: keys.length === 0 ? null : keys.reduce((a, b) => logicalAnd(a, b)),
    rows: queryMask && rowsOf(queryMask),
  };

  function keysOf(name: string, mask: Tensor): Tensor {
    checkMask(op, name, mask, [key.shape[0], key.shape[attended]]);
    return axes.packMask(reshape(mask, [mask.shape[0], 1, mask.shape[1] as number]), query, key);
  }

  function rowsOf(mask: Tensor): Tensor {
    checkMask(op, 'queryMask', mask, [query.shape[0], query.shape[attended]]);
    if (axes.isPlain) return cast(mask, 'bool');
    const rows = axes.packMask(reshape(mask, [...mask.shape, 1]), query, key);
    const [batch, , tokens] = rows.shape as [number, number, number];
    // It was spread over the keys: every column is the same.
    return reshape(slice(rows, [0, 0, 0, 0], [batch, 1, tokens, 1]), [batch, tokens]);
  }
}

function checkMask(op: string, name: string, mask: Tensor, shape: number[]): void {
  if (mask.rank === 2 && mask.shape[0] === shape[0] && mask.shape[1] === shape[1]) return;
  throw new InvalidArgumentError(
    `${op}: ${name} must be [${shape.join(', ')}], got [${mask.shape.join(', ')}]`,
  );
}

import {
  flashAttention,
  InvalidArgumentError,
  type FlashAttentionOptions,
} from '@tfjs-attention/core';
import { implementationOf } from '../subject.js';
import type { BadCall, World } from './world.js';

type Operands = Partial<Record<'q' | 'k' | 'v', unknown>>;

/** A valid dense call with some operands exchanged. */
function operands(what: string, change: (w: World) => Operands, ...says: RegExp[]): BadCall {
  return {
    what,
    error: InvalidArgumentError,
    says,
    call: (w, subject) => {
      const { q, k, v } = { q: w.q, k: w.k, v: w.v, ...change(w) } as World;
      return flashAttention(q, k, v, { implementation: implementationOf(subject) });
    },
  };
}

/** A valid dense call with bad options. */
function options(
  what: string,
  change: (w: World) => Readonly<Record<string, unknown>>,
  ...says: RegExp[]
): BadCall {
  return {
    what,
    error: InvalidArgumentError,
    says,
    call: (w, subject) =>
      flashAttention(w.q, w.k, w.v, {
        implementation: implementationOf(subject),
        ...change(w),
      } as FlashAttentionOptions & { returnLse?: false }),
  };
}

export const badDenseCalls: readonly BadCall[] = [
  operands('q of rank 3', (w) => ({ q: w.packedQ }), /q must have rank 4/, /rank 3 \[5, 4, 8\]/),
  operands('k of rank 5', (w) => ({ k: w.tensor([2, 7, 2, 8, 1]) }), /k must have rank 4/),
  operands('v of rank 3', (w) => ({ v: w.newV }), /v must have rank 4/),
  operands('int32 q', (w) => ({ q: w.tensor([2, 5, 4, 8], 'int32') }), /q .*int32/, /tf\.cast/),
  operands('bool v', (w) => ({ v: w.tensor([2, 7, 2, 8], 'bool') }), /v must be float32/, /bool/),
  operands('an array for q', () => ({ q: new Float32Array(320) }), /q must be a tf\.Tensor/),
  operands('null for k', () => ({ k: null }), /k must be a tf\.Tensor/, /null/),
  operands('undefined for v', () => ({ v: undefined }), /v must be a tf\.Tensor/, /undefined/),
  operands('a disposed k', (w) => ({ k: w.disposed([2, 7, 2, 8]) }), /k is disposed/),
  operands(
    'heads not divisible',
    (w) => ({ k: w.tensor([2, 7, 3, 8]), v: w.tensor([2, 7, 3, 8]) }),
    /numHeads 4 must be a multiple of numKvHeads 3/,
  ),
  operands(
    'more KV heads than heads',
    (w) => ({ k: w.tensor([2, 7, 8, 8]), v: w.tensor([2, 7, 8, 8]) }),
    /numHeads 4 must be a multiple of numKvHeads 8/,
  ),
  operands('another head size in k', (w) => ({ k: w.tensor([2, 7, 2, 4]) }), /k has head size 4/),
  operands('another number of values', (w) => ({ v: w.tensor([2, 6, 2, 8]) }), /v \[2, 6, 2, 8\]/),
  operands('another number of value heads', (w) => ({ v: w.tensor([2, 7, 4, 8]) }), /v \[2, 7, 4/),
  operands('another batch in k', (w) => ({ k: w.tensor([1, 7, 2, 8]) }), /k has batch 1, q has 2/),
  operands('an empty batch', (w) => ({ q: w.tensor([0, 5, 4, 8]) }), /q is empty \[0, 5, 4, 8\]/),
  operands('no query', (w) => ({ q: w.tensor([2, 0, 4, 8]) }), /q is empty \[2, 0, 4, 8\]/),
  operands(
    'S = 0',
    (w) => ({ k: w.tensor([2, 0, 2, 8]), v: w.tensor([2, 0, 2, 8]) }),
    /k is empty \[2, 0, 2, 8\]/,
  ),
  operands('empty heads', (w) => ({ v: w.tensor([2, 7, 2, 0]) }), /v is empty \[2, 7, 2, 0\]/),

  options('an unknown layout', () => ({ layout: 'sbnh' }), /layout/, /'sbnh'/),
  options('an unknown implementation', () => ({ implementation: 'FAST' }), /'FAST'/, /FUSED, COMP/),
  options('an unknown precision', () => ({ precision: 'float8' }), /precision/, /'float8'/),
  options('kvLens past S', () => ({ kvLens: Int32Array.of(7, 8) }), /kvLens\[1\] = 8/, /7 keys/),
  options('a negative kvLens', () => ({ kvLens: Int32Array.of(-1, 8) }), /kvLens\[0\] = -1/),
  options('too few kvLens', () => ({ kvLens: Int32Array.of(7) }), /kvLens must have 2 entries/),
  options('a plain array for kvLens', () => ({ kvLens: [7, 7] }), /kvLens must be an Int32Array/),
  options('a Tensor for kvLens', (w) => ({ kvLens: w.tensor([2], 'int32') }), /kvLens/, /Tensor/),
  options('a Tensor for queryOffset', (w) => ({ queryOffset: w.tensor([2], 'int32') }), /Tensor/),
  options('half a queryOffset', () => ({ queryOffset: 0.5 }), /queryOffset must be an int/, /0\.5/),
  options('a queryOffset of NaN', () => ({ queryOffset: NaN }), /queryOffset/, /NaN/),
  options(
    'a queryOffset past int32',
    () => ({ queryOffset: 2 ** 31 }),
    /queryOffset/,
    /2147483648/,
  ),
  options(
    'three queryOffsets',
    () => ({ queryOffset: new Int32Array(3) }),
    /queryOffset/,
    /2 entries/,
  ),
  options('a softmaxScale of NaN', () => ({ softmaxScale: NaN }), /softmaxScale/, /NaN/),
  options(
    'an infinite softmaxScale',
    () => ({ softmaxScale: Infinity }),
    /softmaxScale/,
    /Infinity/,
  ),
  options('a softmaxScale past float32', () => ({ softmaxScale: 1e39 }), /softmaxScale/, /1e\+39/),
  options('text as softmaxScale', () => ({ softmaxScale: '1' }), /softmaxScale/),
  options('a negative soft cap', () => ({ logitsSoftCap: -1 }), /logitsSoftCap/, /-1/),
  options('a soft cap of NaN', () => ({ logitsSoftCap: NaN }), /logitsSoftCap/, /NaN/),
  options('a soft cap that float32 rounds to 0', () => ({ logitsSoftCap: 1e-60 }), /logitsSoftCap/),
  options('a window of 0', () => ({ slidingWindow: 0 }), /slidingWindow/, /got 0/),
  options('a window of 1.5', () => ({ slidingWindow: 1.5 }), /slidingWindow/, /1\.5/),
  options('two windows', () => ({ slidingWindow: 2, windowLeft: 1 }), /slidingWindow 2 excludes/),
  options('a windowLeft of -2', () => ({ windowLeft: -2 }), /windowLeft/, /-2/),
  options('a windowRight of NaN', () => ({ windowRight: NaN }), /windowRight/, /NaN/),
  options('a negative chunk', () => ({ chunkSize: -4 }), /chunkSize/, /-4/),
  options('half a lookback', () => ({ chunkSize: 4, chunkLookback: 0.5 }), /chunkLookback/, /0\.5/),
  options('a negative prefix', () => ({ rswaPrefixLen: -1 }), /rswaPrefixLen/, /-1/),
  options(
    'a prefix for one sequence of two',
    () => ({ rswaPrefixLens: Int32Array.of(3) }),
    /rswaPrefixLens must have 2 entries/,
  ),
  options(
    'one prefix and one a sequence',
    () => ({ rswaPrefixLen: 3, rswaPrefixLens: Int32Array.of(3, 3) }),
    /rswaPrefixLen 3 excludes rswaPrefixLens/,
  ),
  options(
    'ranges for one sequence of two',
    () => ({ mmPrefixRanges: [[]] }),
    /must be 2 lists/,
    /1/,
  ),
  options(
    'ranges that overlap',
    () => ({ mmPrefixRanges: [[], [[0, 2], [2, 4]]] }), // prettier-ignore
    /mmPrefixRanges\[1\]\[1\] = \[2, 4\] begins at or before 2/,
  ),
  options('a bool bias', (w) => ({ bias: w.tensor([5, 7], 'bool') }), /bias must be float32/),
  options('a float mask', (w) => ({ mask: w.tensor([5, 7]) }), /mask must be bool/, /float32/),
  options('an array for bias', () => ({ bias: [[1]] }), /bias must be a tf\.Tensor/),
  options('a disposed bias', (w) => ({ bias: w.disposed([5, 7]) }), /bias is disposed/),
  options('a bias narrower than S', (w) => ({ bias: w.tensor([5, 6]) }), /bias \[5, 6\]/, /pad/),
  options('a mask wider than S', (w) => ({ mask: w.tensor([5, 8], 'bool') }), /mask \[5, 8\]/),
  options(
    'a mask of other heads',
    (w) => ({ mask: w.tensor([2, 5, 7], 'bool') }),
    /axis 0 must be 4/,
  ),
  options('a bias of rank 5', (w) => ({ bias: w.tensor([1, 1, 1, 5, 7]) }), /bias .*rank 1 to 4/),
  options('a bias of rank 0', (w) => ({ bias: w.tensor([]) }), /bias .*rank 1 to 4/),
  options('too few slopes', () => ({ alibiSlopes: [1, 2] }), /alibiSlopes must have 4 entries/),
  options('a slope of NaN', () => ({ alibiSlopes: [1, NaN, 1, 1] }), /alibiSlopes/, /NaN/),
  options(
    'an infinite slope',
    () => ({ alibiSlopes: [1, 1, 1, Infinity] }),
    /alibiSlopes/,
    /Infinity/,
  ),
  options(
    'slopes of rank 2',
    (w) => ({ alibiSlopes: w.tensor([1, 4]) }),
    /alibiSlopes must have rank 1/,
  ),
  options('int32 sinks', (w) => ({ sinks: w.tensor([4], 'int32') }), /sinks must be float32/),
  options('too many sinks', (w) => ({ sinks: w.tensor([5]) }), /sinks must have 4 entries/, /5/),
  options('a sink of NaN', () => ({ sinks: [NaN, 0, 0, 0] }), /sinks/, /NaN/),
  options('a sink of Infinity', () => ({ sinks: [Infinity, 0, 0, 0] }), /sinks/, /Infinity/),
  options(
    'an oblong qqBias',
    (w) => ({ qqBias: w.tensor([3, 4]) }),
    /qqBias must be square/,
    /\[3, 4\]/,
  ),
  options('an empty qqBias', (w) => ({ qqBias: w.tensor([0, 0]) }), /qqBias/, /\[0, 0\]/),
  options(
    'a qqBias of rank 3',
    (w) => ({ qqBias: w.tensor([1, 3, 3]) }),
    /qqBias must have rank 2/,
  ),
];

import type { FullAttentionSpec } from '@tfjs-attention/core';
import {
  CapacityError,
  convertFp8,
  InvalidArgumentError,
  KvCache,
  mergeAttnStates,
  type AttentionResult,
  type KvCacheOptions,
} from '@tfjs-attention/core';
import type { BadCall, World } from './world.js';

const bad = (what: string, call: (w: World) => unknown, ...says: RegExp[]): BadCall => ({
  what,
  error: InvalidArgumentError,
  says,
  call,
});

const state = (w: World, output = [3, 2, 4], lse = [3, 2]): AttentionResult => ({
  output: w.tensor(output),
  lse: w.tensor(lse),
});

export const badMerges: readonly BadCall[] = [
  bad('outputs of other shapes', (w) => mergeAttnStates(state(w), state(w, [3, 2, 5])), /b\.output must be \[3, 2, 4\]/, /\[3, 2, 5\]/),
  bad('an lse of another shape', (w) => mergeAttnStates(state(w), state(w, [3, 2, 4], [2, 3])), /b\.lse must be \[3, 2\]/, /\[2, 3\]/),
  bad('an lse of the output\'s rank', (w) => mergeAttnStates(state(w, [3, 2, 4], [3, 2, 1]), state(w)), /a\.lse must have rank 2/),
  bad('a state without lse', (w) => mergeAttnStates({ output: w.tensor([3, 2, 4]) } as AttentionResult, state(w)), /a\.lse must be a tf\.Tensor/),
  bad('no state', (w) => mergeAttnStates(state(w), undefined as unknown as AttentionResult), /b\.output must be a tf\.Tensor/),
  bad('int32 outputs', (w) => mergeAttnStates({ ...state(w), output: w.tensor([3, 2, 4], 'int32') }, state(w)), /a\.output must be float32/),
  bad('outputs of rank 1', (w) => mergeAttnStates(state(w, [4], []), state(w, [4], [])), /a\.output must be \[\.\.\., N, Hv\]/),
  bad('empty states', (w) => mergeAttnStates(state(w, [0, 2, 4], [0, 2]), state(w, [0, 2, 4], [0, 2])), /a\.output .*\[0, 2, 4\]/),
  bad('too few sinks', (w) => mergeAttnStates(state(w), state(w), { sinks: [1] }), /sinks must have 2 entries/),
  bad('a sink of NaN', (w) => mergeAttnStates(state(w), state(w), { sinks: [NaN, 0] }), /sinks/, /NaN/),
]; // prettier-ignore

const convert = (what: string, options: Readonly<Record<string, unknown>>, ...says: RegExp[]) =>
  bad(what, (w) => convertFp8(w.tensor([3]), options), ...says);

export const badConversions: readonly BadCall[] = [
  bad('bools', (w) => convertFp8(w.tensor([3], 'bool')), /x must be float32/, /bool/),
  bad('an array', () => convertFp8([1] as unknown as World['q']), /x must be a tf\.Tensor/),
  bad('a disposed tensor', (w) => convertFp8(w.disposed([3])), /x is disposed/),
  convert('a scale of 0', { scale: 0 }, /scale must be positive/, /0/),
  convert('a scale of NaN', { scale: NaN }, /scale must be positive/, /NaN/),
  convert('a negative scale', { scale: -1 }, /scale must be positive/, /-1/),
  convert('an infinite scale', { scale: Infinity }, /scale must be positive/, /Infinity/),
  convert('a scale that float32 rounds to 0', { scale: 1e-60 }, /scale must be positive/),
  convert('another type', { dtype: 'int8' }, /fp8_e4m3/, /'int8'/),
];

const cache = (what: string, options: Readonly<Record<string, unknown>>, ...says: RegExp[]) =>
  bad(what, (w) => new KvCache(w.spec, { numBlocks: 2, ...options }), ...says);

export const badCaches: readonly BadCall[] = [
  bad('plain options for a spec', () => new KvCache({ blockSize: 4 } as FullAttentionSpec, { numBlocks: 1 }), /KvCacheSpec/),
  bad('no options', (w) => new KvCache(w.spec, undefined as unknown as KvCacheOptions), /numBlocks/, /undefined/),
  cache('no blocks', { numBlocks: 0 }, /numBlocks/, /0/),
  cache('half a block', { numBlocks: 1.5 }, /numBlocks/, /1\.5/),
  cache('NaN blocks', { numBlocks: NaN }, /numBlocks/, /NaN/),
  cache('more slots than int32 counts', { numBlocks: 2 ** 30 }, /2\^31/),
  cache('an unknown dtype', { dtype: 'int4' }, /'int4'/, /fp8_e4m3/),
  cache('a kScale of 0', { kScale: 0 }, /kScale must be positive/),
  cache('a vScale of NaN', { vScale: NaN }, /vScale must be positive/, /NaN/),
  cache('a negative kScale', { kScale: -2 }, /kScale must be positive/, /-2/),
  cache('an infinite kScale', { kScale: Infinity }, /kScale/, /Infinity/),
  cache('a scale that float32 rounds to 0', { vScale: 1e-60 }, /vScale must be positive/),
  cache('a scale per head too many', { kScale: Float32Array.of(1, 2, 3) }, /kScale must have 2 entries/),
  cache('a bad scale among good ones', { kScale: Float32Array.of(1, NaN) }, /kScale/, /NaN/),
  cache('a plain array of scales', { kScale: [1, 1] }, /Float32Array \[K\]/),
  cache('a scale for a type that measures its own', { dtype: 'int8_per_token_head', kScale: 0.5 }, /int8_per_token_head/),
  {
    ...cache('more memory than there is', { numBlocks: 2 ** 28 }, /bytes|GiB|MiB/),
    error: CapacityError,
  },
]; // prettier-ignore

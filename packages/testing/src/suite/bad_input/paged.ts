import {
  BackendMismatchError,
  CapacityError,
  DisposedError,
  gatherCache,
  InvalidArgumentError,
  pagedAttention,
  reshapeAndCache,
  type AttentionOptions,
} from '@tfjs-attention/core';
import { implementationOf, type Subject } from '../subject.js';
import type { BadCall, World } from './world.js';

export type Call = (w: World, subject: Subject) => unknown;

export const bad = (what: string, call: Call, ...says: RegExp[]): BadCall => ({
  what,
  error: InvalidArgumentError,
  says,
  call,
});

interface Attend {
  q?: unknown;
  cache?: unknown;
  plan?: unknown;
  options?: object;
}
interface Write {
  k?: unknown;
  v?: unknown;
  cache?: unknown;
  plan?: unknown;
}

const attend =
  (change: (w: World) => Attend): Call =>
  (w, subject) => {
    const { q, cache, plan, options } = {
      q: w.packedQ,
      cache: w.cache,
      plan: w.plan,
      ...change(w),
    } as Pick<World, 'cache' | 'plan'> & { q: World['packedQ']; options?: AttentionOptions };
    const implementation = implementationOf(subject);
    return pagedAttention(q, cache, plan, { implementation, ...options, returnLse: false });
  };

const write =
  (change: (w: World) => Write): Call =>
  (w) => {
    const { k, v, cache, plan } = {
      k: w.newK,
      v: w.newV,
      cache: w.cache,
      plan: w.plan,
      ...change(w),
    } as Pick<World, 'k' | 'v' | 'cache' | 'plan'>;
    reshapeAndCache(k, v, cache, plan);
  };

/** What is wrong with handles and plans in the same way for every op that takes a cache and a plan. */
export function handleCalls(
  call: (change: (w: World) => { cache?: unknown; plan?: unknown }) => Call,
) {
  const tables = (changes: Readonly<Record<string, unknown>>) =>
    call((w) => ({ plan: w.planWith(changes) }));
  return [
    bad('a tensor for the cache', call((w) => ({ cache: w.k })), /cache must be a KvCache/),
    bad('raw metadata', call((w) => ({ plan: w.metadata({}) })), /planAttention\(\)/),
    bad('no plan', call(() => ({ plan: undefined })), /planAttention\(\)/, /undefined/),
    bad('a block past the pool', tables({ blockTables: [[2], [1, 6]] }), /blockTables\[1\]\[1\] = 6/, /0 to 5/),
    bad('a negative block', tables({ blockTables: [[-1], [1, 2]] }), /blockTables\[0\]\[0\] = -1/),
    bad('a table row too short', tables({ blockTables: [[2, 3], [1]] }), /blockTables\[1\]\[1\] = -1/),
    {
      ...bad('a length past its block table', tables({ seqLens: Int32Array.of(4, 9) }), /seqLens\[1\] = 9/, /needs 3 blocks of 4/),
      error: CapacityError,
    },
    { ...bad('a disposed plan', call((w) => ({ plan: w.disposedPlan() })), /plan is disposed/), error: DisposedError },
    { ...bad('a disposed cache', call((w) => ({ cache: w.disposedCache() })), /cache is disposed/), error: DisposedError },
    {
      ...bad(
        'a cache of another backend',
        (w, subject) => w.elsewhere(subject, () => call(() => ({}))(w, subject)),
        /belongs to tfjs backend/,
        /setBackend/,
      ),
      error: BackendMismatchError,
    },
  ]; // prettier-ignore
}

export const badPagedCalls: readonly BadCall[] = [
  ...handleCalls(attend),
  bad('q of rank 4', attend((w) => ({ q: w.q })), /q must have rank 3/),
  bad('int32 q', attend((w) => ({ q: w.tensor([5, 4, 8], 'int32') })), /q must be float32/),
  bad('a disposed q', attend((w) => ({ q: w.disposed([5, 4, 8]) })), /q is disposed/),
  bad('other tokens than the plan', attend((w) => ({ q: w.tensor([4, 4, 8]) })), /q has 4 tokens, the plan has 5/),
  bad('another head size', attend((w) => ({ q: w.tensor([5, 4, 6]) })), /head size 6, the cache has 8/),
  bad('heads not divisible', attend((w) => ({ q: w.tensor([5, 3, 8]) })), /numHeads 3/, /numKvHeads 2/),
  bad('no heads', attend((w) => ({ q: w.tensor([5, 0, 8]) })), /numHeads 0/),
  bad('a scale of NaN', attend(() => ({ options: { softmaxScale: NaN } })), /softmaxScale/, /NaN/),
  bad('a bias narrower than the longest sequence', attend((w) => ({ options: { bias: w.tensor([5, 5]) } })), /bias \[5, 5\]/, /pad/),
  bad('a mask with a batch axis', attend((w) => ({ options: { mask: w.tensor([2, 4, 5, 6], 'bool') } })), /mask .*rank 1 to 3/),
  bad('a mask of one sequence', attend((w) => ({ options: { mask: w.tensor([4, 6], 'bool') } })), /axis 0 must be 5/),
  bad('an oblong qqBias', attend((w) => ({ options: { qqBias: w.tensor([2, 3]) } })), /qqBias must be square/),
  bad(
    "a prefix beside the plan's",
    attend((w) => ({
      plan: w.planWith({ rswaPrefixLens: Int32Array.of(0, 1) }),
      options: { rswaPrefixLen: 2 },
    })),
    /rswaPrefixLen 2 excludes rswaPrefixLens/,
  ),
  bad('too few sinks', attend(() => ({ options: { sinks: [1] } })), /sinks must have 4 entries/),
]; // prettier-ignore

export const badWrites: readonly BadCall[] = [
  ...handleCalls(write),
  bad('k of rank 4', write((w) => ({ k: w.k })), /k must have rank 3/),
  bad('other tokens than the plan', write((w) => ({ k: w.tensor([4, 2, 8]) })), /k must be .*\[5, 2, 8\]/),
  bad('other heads in v', write((w) => ({ v: w.tensor([5, 4, 8]) })), /v must be .*\[5, 2, 8\]/),
  bad('another size in v', write((w) => ({ v: w.tensor([5, 2, 7]) })), /v must be .*got \[5, 2, 7\]/),
  bad('int32 k', write((w) => ({ k: w.tensor([5, 2, 8], 'int32') })), /k must be float32/),
  bad('an array for v', write(() => ({ v: new Float32Array(80) })), /v must be a tf\.Tensor/),
  bad('a disposed k', write((w) => ({ k: w.disposed([5, 2, 8]) })), /k is disposed/),
  bad('a plan without slots', write((w) => ({ plan: w.planWith({ slotMapping: undefined }) })), /no slotMapping/),
  bad(
    'a slot past the cache',
    write((w) => ({ plan: w.planWith({ slotMapping: Int32Array.of(0, 1, 2, 3, 24) }) })),
    /slotMapping\[4\] = 24/,
    /0 to 23/,
  ),
]; // prettier-ignore

export const badGathers: readonly BadCall[] = handleCalls((change) => (w) => {
  const { cache, plan } = { cache: w.cache, plan: w.plan, ...change(w) } as World;
  return gatherCache(cache, plan);
});

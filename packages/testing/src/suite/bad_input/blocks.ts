import {
  BackendMismatchError,
  copyBlocks,
  DisposedError,
  HostKvBlocks,
  InvalidArgumentError,
  KvCache,
  swapBlocks,
} from '@tfjs-attention/core';
import type { Subject } from '../subject.js';
import type { BadCall, World } from './world.js';

type Call = (w: World, subject: Subject) => unknown;

const bad = (what: string, call: Call, ...says: RegExp[]): BadCall => ({
  what,
  error: InvalidArgumentError,
  says,
  call,
});

type Pairs = Parameters<typeof copyBlocks>[1];
const copy =
  (pairs: unknown): Call =>
  (w) =>
    copyBlocks(w.cache, pairs as Pairs);

export const badCopies: readonly BadCall[] = [
  bad('a target past the pool', copy([[1, 6]]), /block 6 is outside the target's blocks 0 to 5/),
  bad('a source past the pool', copy([[9, 1]]), /block 9 is outside the source's blocks/),
  bad('a negative block', copy([[-1, 1]]), /source block/, /-1/),
  bad('half a block', copy([[1, 2.5]]), /target block/, /2\.5/),
  bad('a target written twice', copy([[1, 3], [2, 3]]), /block 3 is written twice/), // prettier-ignore
  bad('a target that is a source', copy([[1, 2], [2, 3]]), /block 2 is both a source and a target/), // prettier-ignore
  bad('an odd number of ids', copy(Int32Array.of(1, 2, 3)), /pairs \[from, to\]/),
  bad('no mapping', copy(undefined), /pairs \[from, to\]/),
  bad('a pair of one', copy([[1]]), /target block/, /undefined/),
  bad('a pair that is no pair', copy([3]), /pairs \[from, to\]/),
  bad(
    'a Tensor',
    (w) => copyBlocks(w.cache, w.tensor([1, 2], 'int32') as unknown as Pairs),
    /pairs/,
  ),
  bad(
    'a tensor for a cache',
    (w) => copyBlocks(w.k as unknown as KvCache, [[0, 1]]),
    /must be a KvCache/,
  ),
  {
    ...bad(
      'a disposed cache after a live one',
      (w) => copyBlocks([w.cache, w.disposedCache()], [[0, 1]]),
      /disposed/,
    ),
    error: DisposedError,
  },
  {
    ...bad(
      'a cache of another backend',
      (w, subject) => w.elsewhere(subject, () => copyBlocks(w.cache, [[0, 1]])),
      /belongs to tfjs backend/,
    ),
    error: BackendMismatchError,
  },
];

export const badSwaps: readonly BadCall[] = [
  bad('a host block past the host', (w) => swapBlocks(w.cache, new HostKvBlocks(w.cache, 2), [[0, 2]]), /block 2 is outside the target's blocks 0 to 1/),
  bad('a cache block past the cache', (w) => swapBlocks(w.cache, new HostKvBlocks(w.cache, 9), [[6, 0]]), /block 6 is outside the source's/),
  bad('a target written twice', (w) => swapBlocks(new HostKvBlocks(w.cache, 2), w.cache, [[0, 4], [1, 4]]), /block 4 is written twice/),
  bad('a tensor for the source', (w) => swapBlocks(w.k as unknown as KvCache, w.cache, [[0, 1]]), /source must be/),
  bad('nothing for the target', (w) => swapBlocks(w.cache, undefined as unknown as KvCache, [[0, 1]]), /target must be/),
  bad(
    'another dtype',
    (w) => {
      const small = new KvCache(w.spec, { numBlocks: 2, dtype: 'int8' });
      const host = new HostKvBlocks(small, 2);
      small.dispose();
      return swapBlocks(host, w.cache, [[0, 1]]);
    },
    /differ in dtype: int8 and float32/,
  ),
  {
    ...bad('a disposed cache', (w) => swapBlocks(w.disposedCache(), w.cache, [[0, 1]]), /disposed/),
    error: DisposedError,
  },
  {
    ...bad(
      'a cache of another backend',
      (w, subject) => w.elsewhere(subject, () => swapBlocks(w.cache, new HostKvBlocks(w.cache, 1), [[0, 0]])),
      /belongs to tfjs backend/,
    ),
    error: BackendMismatchError,
  },
]; // prettier-ignore

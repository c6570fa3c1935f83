import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  extendBlockHashes,
  getBlockHash,
  getGroupId,
  hashBlockTokens,
  makeBlockHashWithGroupId,
  type BlockHash,
  type ExtraKeys,
} from './block_hash.js';

const tokens = fc.array(fc.nat(2 ** 31 - 1), { maxLength: 6 });
const extraKeys = fc.array(fc.oneof(fc.string({ maxLength: 3 }), fc.integer()), { maxLength: 3 });

test('equal hashes mean equal parent, tokens and extra keys', () => {
  const parents = [null, hashBlockTokens(null, [1]), hashBlockTokens(null, [2])];
  const content = fc.record({ parent: fc.constantFrom(...parents), tokens, extraKeys });
  fc.assert(
    fc.property(content, content, (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      const hashes = [a, b].map((c) => hashBlockTokens(c.parent, c.tokens, c.extraKeys));
      expect(hashes[0] === hashes[1]).toBe(same);
    }),
  );
});

test.each<[ExtraKeys, ExtraKeys]>([
  [
    ['ab', 'c'],
    ['a', 'bc'],
  ],
  [['1'], [1]],
  [[], ['']],
])('extra keys %j and %j are told apart', (a, b) => {
  expect(hashBlockTokens(null, [1, 2], a)).not.toBe(hashBlockTokens(null, [1, 2], b));
});

test('only full blocks are hashed, each once, whatever the steps', () => {
  const ids = Array.from({ length: 23 }, (_, i) => i);
  const [grown, whole]: BlockHash[][] = [[], []];
  for (let n = 0; n <= ids.length; n += 3) extendBlockHashes(grown, ids.slice(0, n), 4);
  extendBlockHashes(whole, ids, 4);
  expect(whole).toHaveLength(5);
  expect(grown).toEqual(whole);
});

test('a block knows everything before it', () => {
  const [a, b]: BlockHash[][] = [[], []];
  extendBlockHashes(a, [1, 2, 3, 4], 2);
  extendBlockHashes(b, [0, 2, 3, 4], 2);
  expect(a[1]).not.toBe(b[1]);
});

test('hash and group come apart again', () => {
  const hash = hashBlockTokens(null, [5]);
  const key = makeBlockHashWithGroupId(hash, 12);
  expect(getBlockHash(key)).toBe(hash);
  expect(getGroupId(key)).toBe(12);
});

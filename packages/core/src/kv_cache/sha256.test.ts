import { createHash } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sha256 } from './sha256.js';

test('agrees with the platform at every padding', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(sha256(bytes)).toBe(createHash('sha256').update(bytes).digest('hex'));
    }),
    { numRuns: 300, examples: [0, 55, 56, 63, 64, 119, 120].map((n) => [new Uint8Array(n)]) },
  );
});

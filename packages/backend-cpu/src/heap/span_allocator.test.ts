import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { alignUp, SpanAllocator } from './span_allocator.js';

const END = 4096;

test('live stretches are aligned, inside the memory and apart; all of it comes back', () => {
  const step = fc.oneof(
    fc.record({ take: fc.integer({ min: 0, max: 900 }) }),
    fc.record({ release: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const spans = new SpanAllocator(100, END);
      const live: { address: number; length: number }[] = [];
      for (const one of steps) {
        if ('take' in one) {
          const address = spans.take(one.take);
          if (address === undefined) continue;
          const length = Math.max(64, alignUp(one.take));
          expect(address % 64).toBe(0);
          expect(address).toBeGreaterThanOrEqual(100);
          expect(address + length).toBeLessThanOrEqual(END);
          for (const other of live) {
            const apart =
              address + length <= other.address || other.address + other.length <= address;
            expect(apart).toBe(true);
          }
          live.push({ address, length });
        } else if (live.length > 0) {
          const [{ address }] = live.splice(one.release % live.length, 1);
          spans.release(address);
        }
        expect(spans.inUse).toBe(live.reduce((sum, { length }) => sum + length, 0));
      }
      live.forEach(({ address }) => spans.release(address));
      expect(spans.take(END - 128)).toBe(128);
    }),
  );
});

test('growth joins the free tail, and missing() says how much is needed', () => {
  const spans = new SpanAllocator(0, 256);
  spans.take(128);
  expect(spans.take(256)).toBeUndefined();
  expect(spans.missing(256)).toBe(128);
  spans.extend(256 + 128);
  expect(spans.take(256)).toBe(128);
});

test('an address that was not given out is ignored', () => {
  const spans = new SpanAllocator(0, 256);
  const address = spans.take(64) as number;
  spans.release(address);
  spans.release(address);
  spans.release(12345);
  expect(spans.inUse).toBe(0);
});

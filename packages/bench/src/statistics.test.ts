import { describe, expect, test } from '@jest/globals';
import { fittedExponent, median } from './statistics.js';

describe('median', () => {
  test('takes the middle value whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  test('refuses an empty list', () => {
    expect(() => median([])).toThrow('no values');
  });
});

describe('fittedExponent', () => {
  const grown = (exponent: number) => [1, 2, 4, 8].map((x) => ({ x, y: 3 * x ** exponent }));

  test.each([0, 1, 2])('finds exponent %d', (exponent) => {
    expect(fittedExponent(grown(exponent))).toBeCloseTo(exponent, 12);
  });

  test('needs two points', () => {
    expect(() => fittedExponent([{ x: 1, y: 1 }])).toThrow('1 points');
  });
});

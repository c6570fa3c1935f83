import { expect, test } from '@jest/globals';
import { InvalidArgumentError } from '../errors.js';
import { describeWindow } from './window.js';

test.each([
  [{}, -1, -1, []],
  [{ causal: true }, -1, -1, ['causal']],
  [{ causal: true, slidingWindow: 3 }, 2, 0, ['causal', 'window']],
  [{ slidingWindow: 3 }, 2, 2, ['window']],
  [{ slidingWindow: 1 }, 0, 0, ['window']],
  [{ windowLeft: 4 }, 4, -1, ['window']],
  [{ windowRight: 0 }, -1, 0, ['window']],
])('%j', (options, windowLeft, windowRight, features) => {
  expect(describeWindow('op', options)).toEqual({ windowLeft, windowRight, features });
});

test('where only some sequences are causal the window has two sides, which the causal rule cuts', () => {
  const { windowLeft, windowRight } = describeWindow(
    'op',
    { causal: true, slidingWindow: 3 },
    true,
  );
  expect([windowLeft, windowRight]).toEqual([2, 2]);
});

test('slidingWindow excludes the pair, even a pair of -1', () => {
  expect(() => describeWindow('op', { slidingWindow: 2, windowRight: -1 })).toThrow(
    InvalidArgumentError,
  );
});

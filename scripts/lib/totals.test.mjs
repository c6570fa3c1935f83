import { expect, test } from '@jest/globals';
import { line, parseLine, sum } from './totals.mjs';

test('the last result line of an output counts', () => {
  const output =
    '1 passed, 2 failed, 3 skipped\nnoise 9 passed, 9 failed\n4 passed, 0 failed, 1 skipped\n';
  expect(parseLine(output)).toEqual({ passed: 4, failed: 0, skipped: 1 });
});

test('a runner without skipping has a shorter line, one without any line is not mistaken for success', () => {
  expect(parseLine('7 passed, 1 failed\n')).toEqual({ passed: 7, failed: 1, skipped: 0 });
  expect(parseLine('all passed')).toBeUndefined();
});

test('a sum prints as the line that is parsed', () => {
  const total = sum([
    { passed: 1, failed: 0, skipped: 2 },
    { passed: 3, failed: 1, skipped: 0 },
  ]);
  expect(line(total)).toBe('4 passed, 1 failed, 2 skipped');
  expect(parseLine(line(total))).toEqual(total);
});

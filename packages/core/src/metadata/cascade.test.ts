import { expect, test } from '@jest/globals';
import { InvalidArgumentError } from '../errors.js';
import {
  cascadePrefixLen,
  defaultNumSms,
  useCascadeAttention,
  type CascadeOptions,
} from './cascade.js';

const ones = (count: number) => Array<number>(count).fill(1);
const decide = (changes: Partial<CascadeOptions> = {}) =>
  useCascadeAttention({
    commonPrefixLen: 4096,
    queryLens: ones(64),
    numQueryHeads: 32,
    numKvHeads: 8,
    useAlibi: false,
    useSlidingWindow: false,
    useLocalAttention: false,
    numSms: 132,
    ...changes,
  });

test.each<[string, Partial<CascadeOptions>, boolean]>([
  ['a long prefix of many decodes', {}, true],
  ['a short prefix', { commonPrefixLen: 255 }, false],
  ['few requests', { queryLens: ones(7) }, false],
  ['ALiBi', { useAlibi: true }, false],
  ['a window', { useSlidingWindow: true }, false],
  ['local attention', { useLocalAttention: true }, false],
  ['several ranks', { dcpWorldSize: 2 }, false],
  ['a prefill among few', { commonPrefixLen: 256, queryLens: [...ones(7), 2] }, true],
  ['as many KV heads as heads', { numKvHeads: 32, commonPrefixLen: 256, queryLens: ones(8) }, true],
  // 8 requests: cascade 1 wave of 2 tiles; decode 8 * 8 * 2 = 128 tiles, 1 wave.
  ['few decodes on many units', { commonPrefixLen: 256, queryLens: ones(8) }, false],
  // On one unit: cascade 32 * 2 = 64, decode 128.
  ['few decodes on one unit', { commonPrefixLen: 256, queryLens: ones(8), numSms: 1 }, true],
  // 4 KV heads: cascade 64, decode 8 * 4 * 2 = 64.
  ['no gain', { commonPrefixLen: 256, queryLens: ones(8), numKvHeads: 4, numSms: 1 }, false],
])('%s: %j is %s', (_name, changes, expected) => {
  expect(decide(changes)).toBe(expected);
});

test('bad numbers are refused', () => {
  expect(() => decide({ numSms: 0 })).toThrow(InvalidArgumentError);
  expect(() => decide({ commonPrefixLen: -1 })).toThrow(InvalidArgumentError);
  expect(() => decide({ numKvHeads: 5 })).toThrow(/must be a multiple/);
});

test('the pass over the prefix covers whole blocks that all have computed', () => {
  expect(cascadePrefixLen(4, 16, [64, 100])).toBe(64);
  expect(cascadePrefixLen(4, 16, [63, 100])).toBe(48);
  expect(cascadePrefixLen(4, 16, [0, 100])).toBe(0);
});

test('units of a backend', () => {
  expect(['cpu', 'webgpu', 'webgl'].map((name) => defaultNumSms(name))).toEqual([1, 64, 64]);
  expect(defaultNumSms('wasm', 4)).toBe(4);
});

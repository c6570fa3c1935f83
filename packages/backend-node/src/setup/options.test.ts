import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { readOptions } from './options.js';

test('setup alone settles every default', () => {
  expect(readOptions(['setup'], { XDG_CACHE_HOME: '/cache' })).toEqual({
    version: undefined,
    gpu: false,
    project: process.cwd(),
    cache: '/cache/tfjs-attention',
    dryRun: false,
    force: false,
  });
});

test('the cache is the one named, else the variable, else that of the system', () => {
  const cacheOf = (args: string[], environment: NodeJS.ProcessEnv) =>
    readOptions(['setup', ...args], environment)?.cache;
  const both = { TFJS_ATTENTION_CACHE: '/own', XDG_CACHE_HOME: '/shared' };
  expect(cacheOf(['--cache', '/named'], both)).toBe('/named');
  expect(cacheOf([], both)).toBe('/own');
  expect(cacheOf([], { TFJS_ATTENTION_CACHE: '', XDG_CACHE_HOME: '' })).toMatch(
    join('.cache', 'tfjs-attention'),
  );
});

test('help and an empty line ask for the usage', () => {
  expect(readOptions([])).toBeUndefined();
  expect(readOptions(['setup', '--help'])).toBeUndefined();
});

test.each([
  ['a command that there is not', ['install'], /'install' is no command/],
  ['an option that there is not', ['setup', '--gpus'], /--gpus.*see --help/s],
  ['half a version', ['setup', '--tensorflow', '2.21'], /'2.21' is no version/],
])('refuses %s', (_, args, message) => {
  expect(() => readOptions(args)).toThrow(message);
});

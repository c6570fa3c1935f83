import { version_core } from '@tensorflow/tfjs-core';
import { afterEach, expect, jest, test } from '@jest/globals';
import {
  announcedBackends,
  announceProvider,
  providerFor,
  ready,
  registryGeneration,
  retractProvider,
  type AttentionProvider,
} from './registry.js';

const fakeProvider = (tfBackend: string): AttentionProvider => ({
  tfBackend,
  packageName: 'fake',
  describe: () => 'fake kernels',
  rejects: () => [],
  rejectsCache: () => [],
  createKvStorage: () => {
    throw new Error('a fake has no storage');
  },
  ready: () => Promise.resolve(),
});

afterEach(() => {
  retractProvider('one');
  retractProvider('two');
});

test('the newest announcement for a name wins', () => {
  const [older, newer] = [fakeProvider('one'), fakeProvider('one')];
  announceProvider(older);
  announceProvider(newer);
  expect(providerFor('one')).toBe(newer);
  expect(providerFor('two')).toBeUndefined();
  expect(announcedBackends()).toEqual(['one']);
});

test('announcing and retracting both outdate what was derived', () => {
  const before = registryGeneration();
  announceProvider(fakeProvider('one'));
  const announced = registryGeneration();
  retractProvider('nobody');
  expect(registryGeneration()).toBe(announced);
  retractProvider('one');
  expect(announced).toBeGreaterThan(before);
  expect(registryGeneration()).toBeGreaterThan(announced);
});

test('ready brings up one backend, or all', async () => {
  const providers = ['one', 'two'].map((name) => ({
    ...fakeProvider(name),
    ready: jest.fn(() => Promise.resolve()),
  }));
  providers.forEach(announceProvider);
  await ready('two');
  expect(providers.map((provider) => provider.ready.mock.calls.length)).toEqual([0, 1]);
  await ready();
  expect(providers.map((provider) => provider.ready.mock.calls.length)).toEqual([1, 2]);
  await expect(ready('nobody')).resolves.toBeUndefined();
});

test('a second tfjs of another version is refused, both named', () => {
  const home = globalThis as unknown as Record<symbol, { tfjsVersion: string }>;
  const shared = home[Symbol.for('@tfjs-attention')];
  shared.tfjsVersion = '3.9.0';
  try {
    expect(() => providerFor('one')).toThrow(new RegExp(`3\\.9\\.0 and ${version_core}`));
  } finally {
    shared.tfjsVersion = version_core;
  }
});

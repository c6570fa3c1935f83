import { expect, test } from '@jest/globals';
import { cudaNeeds } from './cuda.js';
import { chooseWheel } from './releases.js';

const linux = (arch: string) => ({ platform: 'linux', arch });

test('x64 takes the small wheel without a GPU and the large one with', () => {
  expect(chooseWheel({ gpu: false }, linux('x64'))).toMatchObject({
    name: 'tensorflow-cpu',
    version: '2.21.0',
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(chooseWheel({ gpu: true }, linux('x64'))).toMatchObject({
    name: 'tensorflow',
    version: '2.21.0',
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test('arm64 has one wheel, of its own platform', () => {
  const { name, platforms } = chooseWheel({ gpu: false }, linux('arm64'));
  expect(name).toBe('tensorflow');
  expect(platforms.every((platform) => platform.endsWith('_aarch64'))).toBe(true);
});

test('a version that was named has no hash of ours, unless it is a known one', () => {
  expect(chooseWheel({ gpu: false, version: '2.20.0' }, linux('x64')).sha256).toBeUndefined();
  expect(chooseWheel({ gpu: false, version: '2.21.0' }, linux('x64')).sha256).toBeDefined();
});

test.each([
  ['another system', { gpu: false }, { platform: 'win32', arch: 'x64' }, /win32 x64/],
  ['a machine without wheels', { gpu: false }, linux('riscv64'), /riscv64/],
  ['CUDA on arm64', { gpu: true }, linux('arm64'), /x64 only/],
  ['wheels without the C library', { gpu: false, version: '2.11.1' }, linux('x64'), /from 2.12/],
  ['another major version', { gpu: false, version: '3.0.0' }, linux('x64'), /wants a 2.x/],
])('refuses %s', (_, request, machine, message) => {
  expect(() => chooseWheel(request, machine)).toThrow(message);
});

test('a TensorFlow is told which CUDA it opens', () => {
  expect(cudaNeeds('2.13.1').libraries).toContain('libcudart.so.11.0');
  expect(cudaNeeds('2.17.0').libraries).toEqual(
    expect.arrayContaining(['libcudart.so.12', 'libcudnn.so.8']),
  );
  expect(cudaNeeds('2.18.0')).toEqual({
    release: 'CUDA 12.5 with cuDNN 9.3',
    libraries: expect.arrayContaining(['libcudart.so.12', 'libcudnn.so.9']),
  });
});

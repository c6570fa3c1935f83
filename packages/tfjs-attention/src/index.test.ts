import '@tensorflow/tfjs-backend-cpu';
import * as core from '@tfjs-attention/core';
import { expect, test } from '@jest/globals';
import * as union from './index.js';

test('re-exports core and attaches the kernels', () => {
  expect(Object.keys(union).sort()).toEqual(Object.keys(core).sort());
  expect(union.announcedBackends()).toEqual(['cpu', 'wasm', 'webgl', 'webgpu']);
});
